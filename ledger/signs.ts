/** Signs of life: each role's processes give one every few seconds, while they make progress; and when all was last in step. */
import type { Redis } from 'ioredis';
import type { SyncKeys } from './keys.ts';

export interface Signs {
  /** Gives one for each of these roles, by Redis's clock. */
  give(roles: readonly string[]): Promise<void>;
  /** Ends in order: another process of the role gives its own within seconds. */
  withdraw(roles: readonly string[]): Promise<void>;
  /** Milliseconds since the last sign of each role, over all processes. */
  ages(): Promise<Record<string, number>>;
  /** Notes that all is in step now. */
  converged(): Promise<void>;
  /** When it last was, in milliseconds since 1970. */
  convergedAt(): Promise<number | undefined>;
}

/** The signs of one sync. `now`: Redis's clock. */
export function createSigns(redis: Redis, keys: SyncKeys, now: () => Promise<number>): Signs {
  return {
    async give(roles) {
      if (roles.length === 0) return;
      const at = await now();
      await redis.hset(keys.signs, Object.fromEntries(roles.map((role) => [role, at])));
    },
    async withdraw(roles) {
      if (roles.length > 0) await redis.hdel(keys.signs, ...roles);
    },
    async ages() {
      const [signs, at] = await Promise.all([redis.hgetall(keys.signs), now()]);
      return Object.fromEntries(
        Object.entries(signs).map(([role, since]) => [role, Math.max(0, at - Number(since))]),
      );
    },
    async converged() {
      await redis.set(keys.converged, await now());
    },
    async convergedAt() {
      const at = await redis.get(keys.converged);
      return at === null ? undefined : Number(at);
    },
  };
}
