/** `omni-sync run`: one reconcile with workers of its own, and it waits until all of it is in Omni. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isInStep, type SyncStatus, syncStatus } from '../ops/status.ts';
import type { Sync } from '../worker/compose.ts';
import { ask, startApplying, startReconciling } from '../worker/sync.ts';
import { type CommonOptions, EXIT, withDaemon } from './context.ts';
import { printJson, say } from './print.ts';
import { openProgress, type Progress } from './progress.ts';
import { summary } from './summary.ts';
import { upcoming } from './upcoming.ts';

export interface RunOptions extends CommonOptions {
  readonly json?: boolean;
}

const LOOK_MS = 200;

/** Runs every sync and returns the exit status: 0 where all is in step. */
export async function run(options: RunOptions): Promise<number> {
  return withDaemon(options, 'warn', async (daemon, { config }) => {
    const progress = openProgress(options.json === true ? 'none' : 'auto');
    const statuses = await Promise.all(
      daemon.syncs.map((sync) => runSync(sync, { progress, next: upcoming(config, sync.name) })),
    );
    progress.close();
    if (options.json === true) printJson({ syncs: statuses });
    else for (const status of statuses) say(summary(status));
    return statuses.every(isInStep) ? EXIT.inStep : EXIT.notInStep;
  });
}

async function runSync(
  sync: Sync,
  { progress, next }: { progress: Progress; next: Date | undefined },
): Promise<SyncStatus> {
  const running = [startReconciling(sync), startApplying(sync)];
  try {
    for (;;) {
      const run = await reconciled(sync);
      const status = await applied(sync, (now) => progress.show(now, sync), next);
      // Where Redis was wiped meanwhile, nothing waits because all is forgotten: begin again.
      if ((await sync.ledger.runs.get(run)) !== undefined) return status;
    }
  } finally {
    await Promise.all(running.map(({ stop }) => stop()));
  }
}

/** Waits for the reconcile, and gives its run; asks again where Redis has lost the ask. */
async function reconciled(sync: Sync): Promise<string> {
  const about = { by: 'cli', full: false };
  let id = await ask(sync, about);
  for (;;) {
    const state = await sync.ledger.asks.state(id);
    if (state.kind === 'done') return state.run;
    if (state.kind === 'unknown') id = await ask(sync, about);
    await sleep(LOOK_MS);
  }
}

async function applied(
  sync: Sync,
  show: (status: SyncStatus) => void,
  next: Date | undefined,
): Promise<SyncStatus> {
  for (;;) {
    const status = await syncStatus(sync, next);
    show(status);
    if (status.waiting === 0 || status.halted) return status;
    await sleep(LOOK_MS);
  }
}
