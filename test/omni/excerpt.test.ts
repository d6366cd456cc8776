import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { excerpt } from '../../omni/excerpt.ts';

const KEY = 'omni_osk_canary';

describe('excerpt', () => {
  it.each([
    ['{"error":"bad_request","message":"Invalid region"}', 'Invalid region'],
    ['{"detail":"No such user","status":404}', 'No such user'],
    ['{"error":"Nope"}', 'Nope'],
    ['{"error":{"message":"Inner"}}', 'Inner'],
    ['{"error":{"error":{"message":"Inner"}}}', 'Inner'],
    ['{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"Taken","status":"409"}', 'Taken'],
    [
      '<html><head><style>a{}</style><title>502</title></head><body>Bad\n gateway</body></html>',
      '502 Bad gateway',
    ],
    ['"just text"', 'just text'],
    ['{"errors":[1]}', '{"errors":[1]}'],
    ['', undefined],
    ['   ', undefined],
    ['null', 'null'],
    ['{"message":7}', '{"message":7}'],
  ])('reads %s as %s', (body, said) => expect(excerpt(body, [], KEY)).toBe(said));

  it.each([
    'User bob.ross@blobs.example exists',
    'User <bob.ross@blobs.example> exists',
    'User bob.ross%40blobs.example exists',
    'User &#34;bob.ross&#64;blobs.example&#34; exists',
    'User "bob ross"@blobs.example exists',
    'mailto:bob.ross@blobs.example',
    'filter=userName eq "bob.ross@blobs.example"',
    '{"message":"bob.ross\\u0040blobs.example"}',
    '{"broken":"bob.ross\\u0040blobs.example',
  ])('hides the address in %s', (body) => {
    const said = excerpt(body, [], KEY);
    expect(said).toContain('<address>');
    expect(said).not.toMatch(/ross|blobs/);
  });

  it('hides the key, the name and the values that were sent', () => {
    const body = `{"detail":"Bearer ${KEY}: ROSS, Bob (Zoe\u0308) of EMEA status is invalid"}`;
    const said = excerpt(body, ['bob ross', 'bob', 'ross', 'Zoë', 'EMEA', 'us', ''], KEY);
    expect(said).toBe('Bearer <key>: <value>, <value> (<value>) of <value> status is invalid');
  });

  it('never shows an address, a key or more than 200 characters', () => {
    const address = fc.tuple(fc.stringMatching(/^[a-z.+]{1,40}$/), fc.stringMatching(/^[a-z]{1,40}$/));
    const noise = fc.string({ maxLength: 3_000 });
    fc.assert(
      fc.property(noise, address, noise, fc.boolean(), (before, [local, host], after, wrap) => {
        const text = `${before} ${local}@${host}.example ${KEY} ${after}`;
        const said = excerpt(wrap ? JSON.stringify({ message: text }) : text, [], KEY) ?? '';
        expect(said.length).toBeLessThanOrEqual(200);
        expect(said).not.toContain(`@${host}.example`);
        expect(said).not.toContain(KEY);
      }),
    );
  });

  it('looks a few levels deep into a body that is nested without end', () => {
    const body = `${'{"error": '.repeat(100_000)}"Inner"${'}'.repeat(100_000)}`;
    expect(excerpt(body, [], KEY)).toMatch(/^\{"error": \{"error": /);
  });

  it.each([
    '<'.repeat(1_000_000),
    '@'.repeat(1_000_000),
    `${'a'.repeat(1_000_000)}`,
    '<script>'.repeat(100_000),
  ])('is quick on a hostile body', (body) => {
    const started = performance.now();
    excerpt(body, ['a'], KEY);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
