/** Waiting for what is to be in Omni, with a bar of it, until it is there or nothing goes on by itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SyncStatus } from '../ops/status.ts';
import type { Sync } from '../worker/compose.ts';
import { operationsOf } from '../worker/operations.ts';
import type { Progress } from './progress.ts';

/** What who waits for a sync looks at. */
export interface Watch {
  readonly progress: Progress;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly stopping: AbortSignal;
}

/** Between two looks, in milliseconds. */
export const LOOK_MS = 200;
/** How long Omni may be out of reach before a run gives up, in milliseconds; what waits is kept. */
const UNREACHABLE_MS = 120_000;

/** Waits while somebody waits, of those that `of` counts (everyone where left out); gives the last look. */
export async function untilApplied(
  sync: Sync,
  { progress, stopping }: Watch,
  of?: () => number,
): Promise<SyncStatus> {
  let reachedAt = performance.now();
  for (;;) {
    const status = await operationsOf(sync).status();
    const waiting = of?.() ?? status.waiting;
    progress.show({ ...status, waiting }, sync);
    if (!status.unreachable) reachedAt = performance.now();
    const givesUp = performance.now() - reachedAt > UNREACHABLE_MS;
    if (waiting === 0 || status.halted || status.paused || stopping.aborted || givesUp) return status;
    await sleep(LOOK_MS);
  }
}
