/**
 * From where the next read of changes goes on. Written under the reconcile's lease, once all of a read is in the outbox; never
 * believed under another basis than it was made under.
 */
import { PLAIN } from './envelope.ts';
import type { SyncKeys } from './keys.ts';
import { throwFenced } from './outbox.ts';
import type { ScriptedRedis } from './scripts.ts';

/** What a read of changes goes by. */
export interface Watermark {
  /** What it depends on: the directory, the mapping, the policy. */
  readonly basis: string;
  /** The source's own text. */
  readonly at: string;
  /** Ids and addresses that several people claimed, as far as is known: a full read alone settles them. */
  readonly contested: readonly string[];
  /** People in scope, as the last full read counted them, and those who came since. */
  readonly inScope: number;
  /** Linked people whom the last full read found gone, out of scope or inactive. */
  readonly leavers: number;
}

export interface Watermarks {
  /** The one that stands under this basis. */
  get(basis: string): Promise<Watermark | undefined>;
  /** Nothing: the next read is a full one. @throws SyncError `unsafe` where the lease has gone to another. */
  put(watermark: Watermark | undefined, leaseToken: string): Promise<void>;
}

/** The watermark of one sync. */
export function createWatermarks(redis: ScriptedRedis, keys: SyncKeys, envelope = PLAIN): Watermarks {
  const sealed = envelope.at(keys.watermark);
  return {
    async get(basis) {
      const text = await redis.get(keys.watermark);
      if (text === null) return undefined;
      const watermark = sealed.read(text) as Watermark;
      return watermark.basis === basis ? watermark : undefined;
    },
    async put(watermark, leaseToken) {
      const text = watermark === undefined ? '' : sealed.write(watermark);
      await redis.putWatermark(keys.lease, keys.watermark, keys.asked, leaseToken, text).catch(throwFenced);
    },
  };
}
