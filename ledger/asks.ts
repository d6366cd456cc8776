/**
 * What was asked of a sync: each ask has its own id and stays until a run that began after it has ended, so that a
 * reconcile that is killed loses none. Many asks make one reconcile; the one that wants most decides for all.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { SyncKeys } from './keys.ts';

const DONE_SECONDS = 24 * 3600;

export interface Ask {
  readonly id: string;
  /** Who: `cron`, `cli`, `http`. */
  readonly by: string;
  /** Distrust what the links remember. */
  readonly full: boolean;
  /** Who changed is enough, where the directory can tell; left out: everybody is to be read. */
  readonly changes?: true;
}

export interface Asks {
  add(ask: Omit<Ask, 'id'>): Promise<string>;
  open(): Promise<Ask[]>;
  /** Closes asks with the run that did them. */
  close(ids: readonly string[], run: string): Promise<void>;
  /** waiting; or the run that did it; or `unknown`: never asked, long ago, or lost with Redis. */
  state(id: string): Promise<{ kind: 'waiting' } | { kind: 'done'; run: string } | { kind: 'unknown' }>;
}

/** The asks of one sync. */
export function createAsks(redis: Redis, keys: SyncKeys): Asks {
  return {
    async add(ask) {
      const id = randomUUID();
      await redis.hset(keys.asks, id, JSON.stringify(ask));
      return id;
    },
    async open() {
      const asks = await redis.hgetall(keys.asks);
      return Object.entries(asks).map(([id, json]) => ({ ...(JSON.parse(json) as Omit<Ask, 'id'>), id }));
    },
    async close(ids, run) {
      if (ids.length === 0) return;
      const transaction = redis.multi().hdel(keys.asks, ...ids);
      for (const id of ids) transaction.set(keys.askDone(id), run, 'EX', DONE_SECONDS);
      await transaction.exec();
    },
    async state(id) {
      const run = await redis.get(keys.askDone(id));
      if (run !== null) return { kind: 'done', run };
      return (await redis.hexists(keys.asks, id)) === 1 ? { kind: 'waiting' } : { kind: 'unknown' };
    },
  };
}
