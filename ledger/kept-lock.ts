/**
 * A lock that is kept for a moment after the work under it, as more is likely to follow: taking it costs more than the
 * work. Who else waits for it gets it after the work that is under way.
 */
import type { Lock } from './folder-lock.ts';

export interface KeptLock {
  /** Does `work` under the lock; one work at a time. `others`: another may have held the lock since the last one. */
  under<Result>(work: (others: boolean) => Promise<Result>): Promise<Result>;
  /** Lets go of it now. Nothing may be done under it meanwhile. */
  letGo(): Promise<void>;
}

/** How long nothing may happen under it, and how long it is kept at most, in milliseconds. */
const IDLE_MS = 20;
const KEPT_MS = 1_000;

/** Keeps the lock that `take` takes. */
export function keepLock(take: () => Promise<Lock>): KeptLock {
  let held: Lock | undefined;
  let since = 0;
  let wanted = false;
  let working = false;
  let idle: NodeJS.Timeout | undefined;

  async function letGo(): Promise<void> {
    clearTimeout(idle);
    const lock = held;
    held = undefined;
    await lock?.release();
  }

  async function taken(): Promise<void> {
    const lock = await take();
    held = lock;
    since = performance.now();
    wanted = false;
    void lock.wanted.then(() => {
      if (lock !== held) return;
      wanted = true;
      if (!working) void letGo();
    });
  }

  return {
    letGo,
    async under(work) {
      clearTimeout(idle);
      working = true;
      const others = held === undefined;
      try {
        if (others) await taken();
        return await work(others);
      } finally {
        working = false;
        if (wanted || performance.now() - since > KEPT_MS) await letGo();
        else idle = setTimeout(() => void letGo(), IDLE_MS);
      }
    },
  };
}
