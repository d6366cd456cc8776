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
  of(sourceIds: readonly string[]): Promise<Map<string, Link>>;
  /** Every link of these buckets (of all where left out), a batch of buckets at a time. */
  stored(buckets?: readonly number[]): AsyncGenerator<readonly StoredLink[]>;
}

/** The links of one sync. */
export function createLinks(redis: Redis, keys: SyncKeys): Links {
  const blobs = (buckets: readonly number[]) =>
    redis.mgetBuffer(...buckets.map((bucket) => keys.links(bucket)));

  async function prints(buckets: readonly number[]): Promise<(Buffer | null)[]> {
    const pipeline = redis.pipeline();
    for (const bucket of buckets) pipeline.hgetBuffer(keys.index(groupOf(bucket)), String(bucket));
    const answers = (await pipeline.exec()) ?? [];
    return answers.map(([error, print]) => {
      if (error) throw error;
      return Buffer.isBuffer(print) ? print : null;
    });
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
      const found = new Map<string, Link>();
      const wanted = new Set(sourceIds);
      const buckets = [...new Set(sourceIds.map(bucketOf))];
      for (const batch of batches(buckets, BUCKETS_AT_ONCE)) {
        for (const blob of await blobs(batch)) {
          if (!blob) continue;
          for (const link of unpackLinks(blob)) if (wanted.has(link.sourceId)) found.set(link.sourceId, link);
        }
      }
      return found;
    },

    async *stored(buckets = Array.from({ length: BUCKETS }, (_, bucket) => bucket)) {
      for (const batch of batches(buckets, BUCKETS_AT_ONCE)) {
        const [packed, printed] = await Promise.all([blobs(batch), prints(batch)]);
        yield batch.flatMap((bucket, i) => storedOf(bucket, packed[i] ?? null, printed[i] ?? null));
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
