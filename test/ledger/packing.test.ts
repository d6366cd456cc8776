import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUCKETS } from '../../ledger/keys.ts';
import { bucketOf, DIGEST_BYTES, packLink, packUuid, unpackLinks } from '../../ledger/packing.ts';
import type { Link } from '../../model/link.ts';

const digest = fc
  .uint8Array({ minLength: DIGEST_BYTES, maxLength: DIGEST_BYTES })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));

const text = (bytes: number) =>
  fc.string({ unit: 'grapheme', maxLength: 80 }).filter((value) => Buffer.byteLength(value) <= bytes);

const link: fc.Arbitrary<Link> = fc.record({
  sourceId: text(255),
  omniId: fc.uuid(),
  userName: fc.oneof(text(1000), fc.string({ unit: 'binary-ascii', minLength: 200, maxLength: 1000 })),
  provenance: fc.constantFrom('created' as const, 'adopted' as const),
  state: fc.constantFrom('active' as const, 'deactivated' as const),
  since: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  protected: fc.boolean(),
  confirmed: fc.uniqueArray(digest, { maxLength: 252 }).map((digests) => new Set(digests)),
});

describe('packLink', () => {
  it('comes back from unpackLinks as it was, however many share a bucket', () => {
    fc.assert(
      fc.property(fc.array(link, { maxLength: 12 }), (links) => {
        expect(unpackLinks(Buffer.concat(links.map(packLink)))).toEqual(links);
      }),
      { numRuns: 300 },
    );
  });

  it('holds the longest id and the most digests that there may be', () => {
    const confirmed = Array.from({ length: 252 }, (_, i) => `abcd${String.fromCharCode(i)}`);
    const whole: Link = {
      sourceId: `${'ж'.repeat(127)}x`,
      omniId: '9e8719d9-276a-4964-9395-a493189a247c',
      userName: '\u{1F600}'.repeat(254),
      provenance: 'adopted',
      state: 'deactivated',
      since: 2 ** 32 - 1,
      protected: true,
      confirmed: new Set(confirmed),
    };
    expect(unpackLinks(packLink(whole))).toEqual([whole]);
  });

  it('takes at most 110 bytes for a usual person with five attributes', () => {
    const usual: Link = {
      sourceId: 'E-1234567',
      omniId: '9e8719d9-276a-4964-9395-a493189a247c',
      userName: 'firstname.lastname@acme.example',
      provenance: 'created',
      state: 'active',
      since: 1_700_000_000,
      protected: false,
      confirmed: new Set(Array.from({ length: 7 }, (_, i) => `abcd${i}`)),
    };
    expect(packLink(usual).length).toBeLessThanOrEqual(110);
  });
});

describe('packUuid', () => {
  it('is 16 bytes, whatever the case', () => {
    const uuid = '9E8719D9-276A-4964-9395-A493189A247C';
    expect(packUuid(uuid)).toHaveLength(16);
    expect(packUuid(uuid)).toEqual(packUuid(uuid.toLowerCase()));
  });
});

describe('bucketOf', () => {
  const shapes: readonly [string, (n: number) => string][] = [
    ['numbers', (n) => String(n)],
    ['padded numbers', (n) => `E${String(n).padStart(8, '0')}`],
    ['addresses', (n) => `person.${n}@acme.example`],
    ['hex', (n) => (n * 2654435761).toString(16).padStart(32, '0')],
  ];

  it.each(shapes)('spreads 100,000 ids that are %s evenly', (_, idOf) => {
    const count = 100_000;
    const filled = new Uint32Array(BUCKETS);
    for (let n = 0; n < count; n += 1) {
      const bucket = bucketOf(idOf(n));
      filled[bucket] = (filled[bucket] ?? 0) + 1;
    }
    const mean = count / BUCKETS;
    const variance = filled.reduce((sum, n) => sum + (n - mean) ** 2, 0) / BUCKETS;
    // A fair spread has a variance of about its mean, 6.1, and no bucket above 25.
    expect(variance).toBeLessThan(mean * 1.5);
    expect(Math.max(...filled)).toBeLessThan(30);
  });

  it('stays within the buckets and never changes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (id) => {
        const bucket = bucketOf(id);
        expect(Number.isInteger(bucket) && bucket >= 0 && bucket < BUCKETS).toBe(true);
      }),
    );
    expect(bucketOf('E-1')).toBe(BUCKET_OF_E1);
  });
});

/** As the first version of the program had it: another would lose every link. */
const BUCKET_OF_E1 = 10102;
