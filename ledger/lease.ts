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
export async function acquireLease(
  redis: ScriptedRedis,
  keys: SyncKeys,
  holder: string,
): Promise<Lease | undefined> {
  const token = await redis.acquireLease(keys.lease, keys.fence, holder, LEASE_MS);
  if (token === null) return undefined;
  const lost = new AbortController();
  const renewing = setInterval(() => {
    redis
      .renewLease(keys.lease, token, LEASE_MS)
      .then((held) => held === 0 && lost.abort())
      .catch(() => undefined);
  }, LEASE_MS / 3);
  renewing.unref();
  return {
    token,
    lost: lost.signal,
    async release() {
      clearInterval(renewing);
      await redis.renewLease(keys.lease, token, 0);
    },
  };
}
