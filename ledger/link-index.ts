/**
 * The fingerprints of all links in memory, 8 bytes a person, so that a person in step costs no Redis command:
 * who is found here is unchanged; who is not seen by a read's end is changed or missing.
 */
import { BUCKETS } from './keys.ts';
import { bucketOf } from './packing.ts';

/** Bytes of one fingerprint. */
export const FINGERPRINT_BYTES = 8;

export interface LinkIndex {
  /** How many links there are. */
  readonly size: number;
  /** How many of them are active in Omni. */
  readonly active: number;
  /** Looks a person up by id and fingerprint and remembers that they were seen. */
  see(sourceId: string, fingerprint: Buffer): 'first' | 'again' | 'absent';
  /** The buckets that hold a link which was not seen. */
  unseenBuckets(): number[];
  /** Whether this read has seen the fingerprint that a link of `bucket` has now. */
  wasSeen(bucket: number, fingerprint: Buffer): boolean;
  /** Whether it stands as it stood when this was read, and was not seen: of one that was written since, this read knows nothing. */
  wasMissed(bucket: number, fingerprint: Buffer): boolean;
}

/** The fingerprint of a link whose account we took away: nobody's desired state has it. */
export const DEACTIVATED_PRINT = Buffer.alloc(FINGERPRINT_BYTES, 0xff);

/** The fingerprint of a link of which nothing is known to be as wanted. */
export const UNKNOWN_PRINT = Buffer.alloc(FINGERPRINT_BYTES, 0);

/** The fingerprints of all buckets, one after the other, two words each, and where each bucket begins. */
function flattened(buckets: ReadonlyMap<number, Buffer>): { starts: Uint32Array; words: Uint32Array } {
  const starts = new Uint32Array(BUCKETS + 1);
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const count = (buckets.get(bucket)?.length ?? 0) / FINGERPRINT_BYTES;
    starts[bucket + 1] = (starts[bucket] ?? 0) + count;
  }
  const words = new Uint32Array((starts[BUCKETS] ?? 0) * 2);
  for (const [bucket, bytes] of buckets) {
    const start = (starts[bucket] ?? 0) * 2;
    for (let i = 0; i * 4 < bytes.length; i++) words[start + i] = bytes.readUInt32LE(i * 4);
  }
  return { starts, words };
}

/** An index over `buckets`: bucket → its fingerprints, one after the other. */
export function createLinkIndex(buckets: ReadonlyMap<number, Buffer>): LinkIndex {
  const { starts, words } = flattened(buckets);
  const size = words.length / 2;
  const seen = new Uint8Array(Math.ceil(size / 8));
  const isSeen = (at: number) => ((seen[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;

  function find(bucket: number, fingerprint: Buffer): number {
    const low = fingerprint.readUInt32LE(0);
    const high = fingerprint.readUInt32LE(4);
    const end = starts[bucket + 1] ?? 0;
    for (let at = starts[bucket] ?? 0; at < end; at++) {
      if (words[at * 2] === low && words[at * 2 + 1] === high) return at;
    }
    return -1;
  }

  return {
    size,
    get active() {
      let deactivated = 0;
      for (let at = 0; at < size; at++) {
        if (words[at * 2] === 0xffffffff && words[at * 2 + 1] === 0xffffffff) deactivated++;
      }
      return size - deactivated;
    },
    see(sourceId, fingerprint) {
      const at = find(bucketOf(sourceId), fingerprint);
      if (at < 0) return 'absent';
      if (isSeen(at)) return 'again';
      seen[at >> 3] = (seen[at >> 3] ?? 0) | (1 << (at & 7));
      return 'first';
    },
    unseenBuckets() {
      const unseen: number[] = [];
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        for (let at = starts[bucket] ?? 0; at < (starts[bucket + 1] ?? 0); at++) {
          if (isSeen(at)) continue;
          unseen.push(bucket);
          break;
        }
      }
      return unseen;
    },
    wasSeen(bucket, fingerprint) {
      const at = find(bucket, fingerprint);
      return at >= 0 && isSeen(at);
    },
    wasMissed(bucket, fingerprint) {
      const at = find(bucket, fingerprint);
      return at >= 0 && !isSeen(at);
    },
  };
}
