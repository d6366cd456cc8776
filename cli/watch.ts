/** Waiting for what is to be in Omni, with a bar of it, until it is there or nothing goes on by itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UNDER_WAY } from '../jobs/queues.ts';
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

/** How long somebody may wait while nobody has a job, in milliseconds: Redis has lost them then, as by a failover. */
const JOBLESS_MS = 10_000;

/** The last look. */
export interface Looked {
  readonly status: SyncStatus;
  /** Somebody waits whose job is lost: only a reconcile adds it anew. */
  readonly jobless: boolean;
}

/** Waits while somebody waits, of those that `of` counts (everyone where left out). */
export async function untilApplied(
  sync: Sync,
  { progress, stopping }: Watch,
  of?: () => number,
): Promise<Looked> {
  let reachedAt = performance.now();
  let busyAt = reachedAt;
  for (;;) {
    const status = await operationsOf(sync).status();
    const waiting = of?.() ?? status.waiting;
    progress.show({ ...status, waiting }, sync);
    if (!status.unreachable) reachedAt = performance.now();
    const givesUp = performance.now() - reachedAt > UNREACHABLE_MS;
    if (waiting === 0 || status.halted || status.paused || stopping.aborted || givesUp)
      return { status, jobless: false };
    if ((await sync.queues.apply.getJobCountByTypes(...UNDER_WAY)) > 0) busyAt = performance.now();
    if (performance.now() - busyAt > JOBLESS_MS) return { status, jobless: true };
    await sleep(LOOK_MS);
  }
}

/** Says that somebody waits whose job is lost, and what comes of it. */
export function tellJobless({ name }: Sync, next: string): void {
  process.stderr.write(`${name}: Redis has lost the jobs of people who wait, as a failover may: ${next}\n`);
}
