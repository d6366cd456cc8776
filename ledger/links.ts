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
  /** The link of one person. */
  get(sourceId: string): Promise<Link | undefined>;
  /** The links of these people; who has none is absent. */
  of(sourceIds: readonly string[]): Promise<Map<string, StoredLink>>;
  /** Every link of these buckets (of all where left out), a batch of buckets at a time. */
  stored(buckets?: readonly number[]): AsyncGenerator<readonly StoredLink[]>;
}

/** The links of one sync. */
export function createLinks(redis: Redis, keys: SyncKeys): Links {
  /** In one transaction: a commit between the two reads would give links the fingerprints of their neighbours. */
  async function read(buckets: readonly number[]): Promise<StoredLink[]> {
    const groups = [...new Set(buckets.map(groupOf))];
    const transaction = redis.multi().mgetBuffer(...buckets.map((bucket) => keys.links(bucket)));
    for (const group of groups) transaction.hmgetBuffer(keys.index(group), ...fieldsOf(buckets, group));
    const answers = ((await transaction.exec()) ?? []).map(([error, answer]) => {
      if (error) throw error;
      return answer as (Buffer | null)[];
    });
    const [blobs = [], ...prints] = answers;
    const printsOf = new Map(
      groups.flatMap((group, i) =>
        fieldsOf(buckets, group).map((field, at) => [Number(field), prints[i]?.[at] ?? null] as const),
      ),
    );
    return buckets.flatMap((bucket, i) => storedOf(bucket, blobs[i] ?? null, printsOf.get(bucket) ?? null));
  }

  /** The buckets that anybody is in. */
  async function filled(): Promise<number[]> {
    const groups = Array.from({ length: BUCKETS / BUCKETS_PER_GROUP }, (_, group) => group);
    const fields = await Promise.all(groups.map((group) => redis.hkeys(keys.index(group))));
    return fields.flat().map(Number);
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

    async get(sourceId) {
      const blob = await redis.getBuffer(keys.links(bucketOf(sourceId)));
      return blob === null ? undefined : unpackLinks(blob).find((link) => link.sourceId === sourceId);
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

    async *stored(buckets) {
      for (const batch of batches(buckets ?? (await filled()), BUCKETS_AT_ONCE)) {
        yield await read(batch);
      }
    },
  };
}

/** The group whose hash holds a bucket's fingerprints. */
export function groupOf(bucket: number): number {
  return Math.floor(bucket / BUCKETS_PER_GROUP);
}

/** Those of one group, as its hash names them. */
function fieldsOf(buckets: readonly number[], group: number): string[] {
  return buckets.filter((bucket) => groupOf(bucket) === group).map(String);
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
