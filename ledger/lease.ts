/** The one reconcile of a sync that may write: a lease by Redis's clock, with a token that later writes are held to. */
import type { SyncKeys } from './keys.ts';
import type { ScriptedRedis } from './scripts.ts';

/** How long a lease outlives its holder, in milliseconds. */
const LEASE_MS = 10_000;

export interface Lease {
  readonly token: string;
  /** Aborted once the lease is lost. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** Takes the lease of a sync and keeps it; nothing where another process holds it. */
export function acquireLease(
  redis: ScriptedRedis,
  keys: SyncKeys,
  holder: string,
): Promise<Lease | undefined> {
  return acquire(redis, [keys.lease, keys.fence, keys.asked], holder);
}

/** The lease of who looks single people up by hand, beside a reconcile. */
export interface Hand extends Lease {
  /** Under which what is read from now on may be written; another reconcile that begins ends it. */
  writeToken(): Promise<string>;
}

/** Takes it; nothing where another process holds it. */
export async function acquireHand(
  redis: ScriptedRedis,
  keys: SyncKeys,
  holder: string,
): Promise<Hand | undefined> {
  const lease = await acquire(redis, [keys.hand, keys.handFence], holder);
  if (lease === undefined) return undefined;
  return { ...lease, writeToken: async () => `${lease.token}@${(await redis.get(keys.fence)) ?? '0'}` };
}

async function acquire(
  redis: ScriptedRedis,
  keys: readonly [string, ...string[]],
  holder: string,
): Promise<Lease | undefined> {
  const [key] = keys;
  const token = await redis.acquireLease(keys.length, ...keys, holder, LEASE_MS);
  if (token === null) return undefined;
  const lost = new AbortController();
  const renewing = setInterval(() => {
    redis
      .renewLease(key, token, LEASE_MS)
      .then((held) => held === 0 && lost.abort())
      .catch(() => undefined);
  }, LEASE_MS / 3);
  renewing.unref();
  return {
    token,
    lost: lost.signal,
    async release() {
      clearInterval(renewing);
      await redis.renewLease(key, token, 0);
    },
  };
}
