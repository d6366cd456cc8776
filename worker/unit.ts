/** One sync as the service runs it: what each role starts, in their order, and how it ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sync } from './compose.ts';
import { ask, type Role, type Running, startApplying, startReconciling, startSchedule } from './sync.ts';
import { startVerifying } from './verifying.ts';

export interface Unit {
  readonly sync: Sync;
  /** Resolves once all of it runs, or it was stopped before. */
  readonly settled: Promise<void>;
  /** Finishes or hands back what is under way, and lets go of the sync. */
  stop(): Promise<void>;
}

export interface UnitOptions {
  readonly roles: readonly Role[];
  /** Who asks for the first reconcile. */
  readonly by: 'start' | 'reload';
}

const LOOK_MS = 250;
/** A minute: a directory that is away must not keep what is known from Omni. */
const FIRST_LOOKS = 240;

/** Starts a sync's roles. What waits from before goes out once the directory has been looked at again: it may be out of date. */
export function startUnit(sync: Sync, { roles, by }: UnitOptions): Unit {
  const stopping = new AbortController();
  const running: Running[] = [];
  const begin = async () => {
    if (roles.includes('scheduler')) {
      running.push(startSchedule(sync), startReconciling(sync), startVerifying(sync));
      await firstReconcile(sync, by, stopping.signal);
    }
    if (roles.includes('worker') && !stopping.signal.aborted) running.push(startApplying(sync));
  };
  const settled = begin();
  return {
    sync,
    settled,
    async stop() {
      stopping.abort();
      await settled;
      await Promise.all(running.map((one) => one.stop()));
      await sync.close();
    },
  };
}

/** Asks for a reconcile and waits for it, but not for ever, and not past a stop. Never rejects: the schedule asks again. */
async function firstReconcile(sync: Sync, by: string, signal: AbortSignal): Promise<void> {
  try {
    const id = await ask(sync, { by, full: false });
    for (let looks = 0; looks < FIRST_LOOKS && !signal.aborted; looks++) {
      if ((await sync.ledger.asks.state(id)).kind !== 'waiting') return;
      await sleep(LOOK_MS, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) sync.events.trouble(error instanceof Error ? error : new Error(String(error)));
  }
}
