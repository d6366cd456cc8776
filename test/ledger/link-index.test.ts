import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLinkIndex } from '../../ledger/link-index.ts';
import { bucketOf } from '../../ledger/packing.ts';

/** A fingerprint for a version of a person. */
function print(id: string, version = 0): Buffer {
  return createHash('sha256').update(`${id} ${version}`).digest().subarray(0, 8);
}

function indexOf(ids: readonly string[]) {
  const buckets = new Map<number, Buffer>();
  for (const id of ids) {
    const bucket = bucketOf(id);
    buckets.set(bucket, Buffer.concat([buckets.get(bucket) ?? Buffer.alloc(0), print(id)]));
  }
  return createLinkIndex(buckets);
}

const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { maxLength: 60 });

describe('createLinkIndex', () => {
  it('knows exactly those who are in it, once each', () => {
    fc.assert(
      fc.property(ids, ids, (inside, others) => {
        const index = indexOf(inside);
        expect(index.size).toBe(inside.length);
        const see = () => new Set(inside.map((id) => index.see(id, print(id))));
        expect([...see(), ...see()]).toEqual(inside.length === 0 ? [] : ['first', 'again']);
        const strangers = others.filter((id) => !inside.includes(id));
        expect(strangers.map((id) => index.see(id, print(id)))).toEqual(strangers.map(() => 'absent'));
        for (const id of inside) expect(index.see(id, print(id, 1))).toBe('absent');
      }),
    );
  });

  it('names the buckets of those who were not seen, and no others', () => {
    fc.assert(
      fc.property(ids, fc.func(fc.boolean()), (inside, chosen) => {
        const index = indexOf(inside);
        const seen = inside.filter((id) => chosen(id));
        for (const id of seen) index.see(id, print(id));
        const unseen = inside.filter((id) => !seen.includes(id));
        expect(new Set(index.unseenBuckets())).toEqual(new Set(unseen.map(bucketOf)));
        for (const id of inside) {
          expect(index.wasSeen(bucketOf(id), print(id))).toBe(seen.includes(id));
          expect(index.wasMissed(bucketOf(id), print(id))).toBe(!seen.includes(id));
          expect(index.wasMissed(bucketOf(id), print(id, 1))).toBe(false);
        }
      }),
    );
  });

  it('is empty where there is nobody', () => {
    const index = createLinkIndex(new Map());
    expect(index.size).toBe(0);
    expect(index.see('E1', print('E1'))).toBe('absent');
    expect(index.unseenBuckets()).toEqual([]);
    expect(index.wasSeen(bucketOf('E1'), print('E1'))).toBe(false);
  });

  it('finds the last of a crowded bucket, and is not misled by a hash that straddles two', () => {
    const prints = Array.from({ length: 200 }, (_, n) => print('crowd', n));
    const bucket = bucketOf('E1');
    const index = createLinkIndex(new Map([[bucket, Buffer.concat(prints)]]));
    const straddling = Buffer.concat(prints).subarray(4, 12);
    expect(index.see('E1', straddling)).toBe('absent');
    expect(index.see('E1', prints[199] ?? Buffer.alloc(8))).toBe('first');
    expect(index.unseenBuckets()).toEqual([bucket]);
  });
});
