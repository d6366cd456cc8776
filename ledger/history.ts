/** What was done to one person, as the capped view of the audit has it. */
import type { Redis } from 'ioredis';
import type { SyncKeys } from './keys.ts';

/** One record, newest ones first. */
export interface Deed {
  /** Milliseconds since 1970, by Redis's clock. */
  readonly at: number;
  readonly did: string;
  readonly omniId?: string;
  readonly fields: readonly string[];
  readonly run?: string;
  readonly note?: string;
}

export interface History {
  /** At most so many of this person's, newest first; what the view has dropped is on disk alone. */
  of(sourceId: string, most: number): Promise<Deed[]>;
}

/** The history of one sync's people. */
export function createHistory(redis: Redis, keys: SyncKeys): History {
  return {
    async of(sourceId, most) {
      const deeds: Deed[] = [];
      for (const [id, [, json = '{}']] of await redis.xrevrange(keys.audit, '+', '-')) {
        const { sourceId: whose, ...deed } = JSON.parse(json) as Omit<Deed, 'at'> & { sourceId?: string };
        if (whose === sourceId) deeds.push({ ...deed, at: Number(id.split('-')[0]) });
        if (deeds.length === most) break;
      }
      return deeds;
    },
  };
}
