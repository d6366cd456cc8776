/** What was told of alarms, to whom: so that replicas tell once, and another start tells nothing again. */
import type { Redis } from 'ioredis';
import type { SyncKeys } from './keys.ts';

/** How long the one that tells may take, in milliseconds; then another one does. */
const TELLING_MS = 60_000;

export interface Alarms {
  /** Whether `holder` is the one process that tells now. */
  claim(holder: string): Promise<boolean>;
  release(holder: string): Promise<void>;
  /** Key of an alarm → what this recipient was told, as it was noted. */
  told(recipient: string): Promise<Map<string, string>>;
  note(recipient: string, key: string, text: string): Promise<void>;
  forget(recipient: string, key: string): Promise<void>;
}

/** The alarms of one sync. */
export function createAlarms(redis: Redis, keys: SyncKeys): Alarms {
  const field = (recipient: string, key: string) => `${recipient} ${key}`;
  return {
    async claim(holder) {
      return (await redis.set(keys.alarming, holder, 'PX', TELLING_MS, 'NX')) === 'OK';
    },
    async release(holder) {
      if ((await redis.get(keys.alarming)) === holder) await redis.del(keys.alarming);
    },
    async told(recipient) {
      const all = Object.entries(await redis.hgetall(keys.alarms));
      const start = field(recipient, '');
      return new Map(
        all.flatMap(([name, text]) => (name.startsWith(start) ? [[name.slice(start.length), text]] : [])),
      );
    },
    note: async (recipient, key, text) => void (await redis.hset(keys.alarms, field(recipient, key), text)),
    forget: async (recipient, key) => void (await redis.hdel(keys.alarms, field(recipient, key))),
  };
}
