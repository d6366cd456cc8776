import type { LookupAddress } from 'node:dns';
import { type LookupFunction, Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isForbiddenHost, isLoopbackHost, loopbackLookup, publicLookup } from '../../http/address.ts';

function resolve(lookup: LookupFunction, name: string, all: boolean): Promise<string | LookupAddress[]> {
  return new Promise((done, fail) => {
    lookup(name, { all }, (error, found) => (error ? fail(error) : done(found)));
  });
}

describe('isForbiddenHost', () => {
  it('refuses every link-local address in every spelling', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.nat(255), (c, d) => {
        const number = 0xa9fe0000 + c * 256 + d;
        const spellings = [`169.254.${c}.${d}`, `[::ffff:169.254.${c}.${d}]`, `[64:ff9b::169.254.${c}.${d}]`];
        for (const host of [...spellings, String(number), `0x${number.toString(16)}`])
          expect(isForbiddenHost(new URL(`https://${host}/`).hostname)).toBe(true);
      }),
    );
  });

  it.each([
    '10.0.0.1',
    '192.168.1.1',
    '172.16.0.9',
    '127.0.0.1',
    '[::1]',
    '[fd00::1]',
    'acme.omniapp.co',
    '169.254.example.com',
  ])('allows %s', (host) => expect(isForbiddenHost(host)).toBe(false));
});

describe('isLoopbackHost', () => {
  it.each([
    ['localhost', true],
    ['127.3.2.1', true],
    ['[::1]', true],
    ['[::ffff:7f00:1]', true],
    ['localhost.example.com', false],
    ['128.0.0.1', false],
    ['', false],
  ])('answers for %s: %s', (host, loopback) => expect(isLoopbackHost(host)).toBe(loopback));
});

describe('publicLookup', () => {
  it('resolves a name in both of the forms that Node asks for', async () => {
    expect(await resolve(publicLookup, '127.0.0.1', false)).toBe('127.0.0.1');
    expect(await resolve(publicLookup, '127.0.0.1', true)).toEqual([{ address: '127.0.0.1', family: 4 }]);
  });

  it.each(['169.254.169.254', '::ffff:169.254.169.254', 'fe80::1', '0.0.0.0'])(
    'refuses a name that leads to %s when a socket connects',
    async (address) => {
      // A literal resolves to itself, as a rebound name would resolve to it.
      await expect(resolve(publicLookup, address, true)).rejects.toMatchObject({ code: 'FORBIDDEN_ADDRESS' });
      await expect(resolve(publicLookup, address, false)).rejects.toMatchObject({
        code: 'FORBIDDEN_ADDRESS',
      });
    },
  );

  it('stops the connection of a socket that uses it', async () => {
    const toMetadata: LookupFunction = (_name, options, done) =>
      publicLookup('169.254.169.254', options, done);
    const error = await new Promise((done) => {
      new Socket().on('error', done).connect({ host: 'rebound.example', port: 80, lookup: toMetadata });
    });
    expect(error).toMatchObject({ code: 'FORBIDDEN_ADDRESS' });
  });
});

describe('loopbackLookup', () => {
  it('leads nowhere but to this machine', async () => {
    expect(await resolve(loopbackLookup, 'localhost', false)).toMatch(/^(127\.0\.0\.1|::1)$/);
    await expect(resolve(loopbackLookup, '10.0.0.1', true)).rejects.toMatchObject({
      code: 'FORBIDDEN_ADDRESS',
    });
  });
});
