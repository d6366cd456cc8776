/** What a command does in a Redis that has no room for more, or would drop what it is given: what the service does, and it says so at its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type RedisState, readRedisState } from '../ledger/redis-state.ts';
import { SyncError } from '../model/errors.ts';
import { allowedBy } from '../plan/health.ts';
import type { Gate } from './gate.ts';

/** Between two looks, in milliseconds. */
const LOOK_MS = 2_000;

export interface Room {
  /** Why the gate is shut, or was when it was last. */
  refusal(): SyncError | undefined;
  stop(): void;
}

/** Holds a gate to the state of Redis: it has looked once when this resolves. */
export async function holdToRoom(redis: Redis, gate: Gate): Promise<Room> {
  const stopping = new AbortController();
  let refusal: SyncError | undefined;
  const look = async () => {
    const state = await readRedisState(redis);
    const allowed = allowedBy(state);
    if (allowed !== 'all') refusal = noRoom(state);
    gate.set(allowed);
  };
  const watch = async () => {
    while (!stopping.signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal: stopping.signal });
      // A Redis that is away says so to whoever works with it.
      await look().catch(() => undefined);
    }
  };
  await look();
  void watch().catch(() => undefined);
  return { refusal: () => refusal, stop: () => stopping.abort() };
}

/** @throws SyncError `transient`, `redis.full` or `redis.policy`, where Redis must not be given more. */
export async function requireRoom(redis: Redis): Promise<void> {
  const state = await readRedisState(redis);
  if (allowedBy(state) !== 'all') throw noRoom(state);
}

function noRoom(state: RedisState): SyncError {
  const { policy, memoryRatio } = state;
  if (allowedBy(state) === 'nothing') {
    const message = `Redis would drop what it is given (maxmemory-policy is ${policy}): nothing is read and nothing is sent; say \`CONFIG SET maxmemory-policy noeviction\` to it, and in its own configuration too, then do this again`;
    return new SyncError('transient', 'redis.policy', message);
  }
  const message = `Redis is filled to ${Math.floor(memoryRatio * 100)} % of its maxmemory: nothing new is written to it, and only what waits is carried out; give it more memory (\`CONFIG SET maxmemory\`, and in its own configuration too), then do this again`;
  return new SyncError('transient', 'redis.full', message);
}
