/** How Redis stands while it runs: how it evicts, and how full it is. */
import type { Redis } from 'ioredis';

export interface RedisState {
  /** Absent where Redis does not show it. */
  readonly policy: string | undefined;
  /** Used of maxmemory; 0 without a limit. */
  readonly memoryRatio: number;
}

/** Asks Redis; works where CONFIG is forbidden. */
export async function readRedisState(redis: Redis): Promise<RedisState> {
  const info = await redis.info('memory');
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const most = Number(field('maxmemory') ?? 0);
  const memoryRatio = most > 0 ? Number(field('used_memory') ?? 0) / most : 0;
  return { policy: field('maxmemory_policy'), memoryRatio };
}
