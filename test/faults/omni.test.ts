/** The wire to Omni: certificates that vouch for nobody, and connections that die under a request. Rows 46 and 47 of the matrix. */
import { createServer } from 'node:https';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type Authority, type Certificate, makeAuthority } from '../support/http-server.ts';
import { it, type Journey, somePeople } from '../support/journey.ts';
import { readLedger } from '../support/ledger.ts';
import { expectInvariants } from './invariants.ts';

const PEOPLE = somePeople(6);
const NAMES = 'DNS:localhost,IP:127.0.0.1';
const closers: (() => unknown)[] = [];
let authority: Authority;

beforeAll(() => {
  authority = makeAuthority();
});
afterAll(async () => {
  for (const close of closers) await close();
});

/** The sandbox behind TLS: what the certificate or the versions of it are is the case's. */
async function behindTls(journey: Journey, tls: object): Promise<void> {
  const front = createServer(tls);
  front.removeAllListeners('request');
  front.removeAllListeners('secureConnection');
  front.on('secureConnection', (socket) => {
    const upstream = connect(Number(new URL(journey.sandbox.url).port), '127.0.0.1');
    for (const one of [socket, upstream]) one.on('error', () => undefined);
    socket.pipe(upstream).pipe(socket);
  });
  front.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  closers.push(() => front.close());
  const address = front.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  journey.write('ca.pem', authority.ca);
  journey.configure((yaml) =>
    yaml.replace(/url: "http:[^"]*"/, `url: "https://127.0.0.1:${port}", ca: ./ca.pem`),
  );
}

const REFUSED: readonly (readonly [
  what: string,
  tls: () => Certificate & { maxVersion?: string; minVersion?: string },
])[] = [
  ['that has expired', () => authority.issue(NAMES, { expired: true })],
  ['of another host', () => authority.issue('DNS:elsewhere.example')],
  ['that signs itself', () => authority.selfSigned(NAMES)],
  ['of an authority that nobody knows', () => makeAuthority().issue(NAMES)],
  ['over TLS 1.1 alone', () => ({ ...authority.issue(NAMES), minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })],
];

describe.concurrent('an Omni behind a certificate', () => {
  it.for(REFUSED)('%s sends no request, whatever the environment says', async ([, tls], { install }) => {
    const journey = await install(PEOPLE, { timeout: '2s', env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } });
    await behindTls(journey, tls());
    const running = journey.start('run');
    const ended = await Promise.race([running.ended, new Promise((resolve) => setTimeout(resolve, 15_000))]);
    if (ended !== undefined) expect(ended).not.toMatchObject({ code: 0 });
    expect(journey.sandbox.calls()).toEqual([]);
  });

  it('that its authority vouches for is served', async ({ install }) => {
    const journey = await install(PEOPLE);
    await behindTls(journey, authority.issue(NAMES));
    const { code, stderr } = await journey.cli('run');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expectInvariants({ sandbox: journey.sandbox, people: PEOPLE, ledger: await readLedger(journey) });
  });
});

describe.concurrent('an Omni with', () => {
  it.for([undefined, 5])(
    'kept connections that are cut under each request (after %s ms) gets everybody once',
    async (ms, { install }) => {
      const journey = await install(PEOPLE);
      journey.sandbox.fault({ fault: { kind: 'idleClose', ...(ms !== undefined && { ms }) }, times: 5 });
      const { code, stderr } = await journey.cli('run');
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expectInvariants({ sandbox: journey.sandbox, people: PEOPLE, ledger: await readLedger(journey) });
    },
  );
});
