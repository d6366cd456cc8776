/** Redis's clock: the one that all processes share. */
import type { Redis } from 'ioredis';

/** What tells it, in milliseconds since 1970. */
export function clockOf(redis: Pick<Redis, 'time'>): () => Promise<number> {
  return async () => {
    const [seconds, micros] = await redis.time();
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  };
}
