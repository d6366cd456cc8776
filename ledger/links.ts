/** Reading what is remembered of people: by id, all of them, or their fingerprints alone. Writing is commit.ts. */
import type { Redis } from 'ioredis';
import type { Link } from '../model/link.ts';
import { BUCKETS, BUCKETS_PER_GROUP, type SyncKeys } from './keys.ts';
import { createLinkIndex, FINGERPRINT_BYTES, type LinkIndex } from './link-index.ts';
import { bucketOf, unpackLinks } from './packing.ts';

const BUCKETS_AT_ONCE = 512;

/** A link with the fingerprint that it was confirmed at. */
export interface StoredLink {
  readonly link: Link;
  readonly bucket: number;
  readonly fingerprint: Buffer;
}

export interface Links {
  /** The fingerprints of everyone, to find who is unchanged: one command for each 1024 buckets. */
  index(): Promise<LinkIndex>;
  /** The links of these people; who has none is absent. */
  of(sourceIds: readonly string[]): Promise<Map<string, StoredLink>>;
  /** Every link of these buckets (of all where left out), a batch of buckets at a time. */
  stored(buckets?: readonly number[]): AsyncGenerator<readonly StoredLink[]>;
}

/** The links of one sync. */
export function createLinks(redis: Redis, keys: SyncKeys): Links {
  /** In one transaction: a commit between the two reads would give links the fingerprints of their neighbours. */
  async function read(buckets: readonly number[]): Promise<StoredLink[]> {
    const transaction = redis.multi().mgetBuffer(...buckets.map((bucket) => keys.links(bucket)));
    for (const bucket of buckets) transaction.hgetBuffer(keys.index(groupOf(bucket)), String(bucket));
    const answers = ((await transaction.exec()) ?? []).map(([error, answer]) => {
      if (error) throw error;
      return answer;
    });
    const [blobs, ...prints] = answers as [(Buffer | null)[], ...(Buffer | null)[]];
    return buckets.flatMap((bucket, i) => storedOf(bucket, blobs[i] ?? null, prints[i] ?? null));
  }

  return {
    async index() {
      const all = new Map<number, Buffer>();
      for (let group = 0; group < BUCKETS / BUCKETS_PER_GROUP; group++) {
        const fields = await redis.hgetallBuffer(keys.index(group));
        for (const [bucket, value] of Object.entries(fields)) all.set(Number(bucket), value);
      }
      return createLinkIndex(all);
    },

    async of(sourceIds) {
      const found = new Map<string, StoredLink>();
      const wanted = new Set(sourceIds);
      const buckets = [...new Set(sourceIds.map(bucketOf))];
      for (const batch of batches(buckets, BUCKETS_AT_ONCE)) {
        for (const stored of await read(batch)) {
          if (wanted.has(stored.link.sourceId)) found.set(stored.link.sourceId, stored);
        }
      }
      return found;
    },

    async *stored(buckets = Array.from({ length: BUCKETS }, (_, bucket) => bucket)) {
      for (const batch of batches(buckets, BUCKETS_AT_ONCE)) {
        yield await read(batch);
      }
    },
  };
}

/** The group whose hash holds a bucket's fingerprints. */
export function groupOf(bucket: number): number {
  return Math.floor(bucket / BUCKETS_PER_GROUP);
}

function storedOf(bucket: number, blob: Buffer | null, prints: Buffer | null): StoredLink[] {
  if (!blob || !prints) return [];
  return unpackLinks(blob).map((link, i) => ({
    link,
    bucket,
    fingerprint: prints.subarray(i * FINGERPRINT_BYTES, (i + 1) * FINGERPRINT_BYTES),
  }));
}

/** `items` in slices of at most `size`. */
export function* batches<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
