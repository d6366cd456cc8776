/** Which sync holds which account of an Omni host, so that two syncs never share one. */
import type { Redis } from 'ioredis';
import { registerKey } from './keys.ts';
import { batches } from './links.ts';
import { packUuid } from './packing.ts';

export interface Register {
  /** Claims accounts for this sync. Says which another sync holds, and which this one held already. */
  claim(omniIds: readonly string[]): Promise<{ foreign: Set<string>; held: Set<string> }>;
  /** Who holds an account, without claiming it. */
  holder(omniId: string): Promise<'nobody' | 'us' | 'another'>;
  /** Gives accounts back that are gone from Omni. */
  release(omniId: string): Promise<void>;
}

const CLAIMS_AT_ONCE = 500;

/** The register of `host`, as `sync` uses it. */
export function createRegister(redis: Redis, host: string, sync: string): Register {
  const key = (omniId: string) => registerKey(host, omniId.slice(0, 3).toLowerCase());
  return {
    async claim(omniIds) {
      const foreign = new Set<string>();
      const held = new Set<string>();
      for (const batch of batches(omniIds, CLAIMS_AT_ONCE)) {
        const holders = await Promise.all(batch.map((omniId) => claimOne(redis, key(omniId), omniId, sync)));
        batch.forEach((omniId, i) => {
          if (holders[i] === sync) held.add(omniId);
          else if (holders[i] !== undefined) foreign.add(omniId);
        });
      }
      return { foreign, held };
    },
    async holder(omniId) {
      const holder = await redis.hget(key(omniId), packUuid(omniId));
      if (holder === null) return 'nobody';
      return holder === sync ? 'us' : 'another';
    },
    async release(omniId) {
      await redis.hdel(key(omniId), packUuid(omniId));
    },
  };
}

/** The sync that held the account before; nobody, where the claim is new. */
async function claimOne(
  redis: Redis,
  key: string,
  omniId: string,
  sync: string,
): Promise<string | undefined> {
  const field = packUuid(omniId);
  if ((await redis.hsetnx(key, field, sync)) === 1) return undefined;
  return (await redis.hget(key, field)) ?? undefined;
}
