/** `omni-sync run`: one reconcile with workers of its own, and it waits until all of it is in Omni. */
import { setTimeout as sleep } from 'node:timers/promises';
import { addReconcileJob } from '../jobs/add.ts';
import { isInStep, runView, type SyncStatus } from '../ops/status.ts';
import { cliActor } from '../worker/actor.ts';
import type { Sync } from '../worker/compose.ts';
import { createGate, type Gate } from '../worker/gate.ts';
import type { Running } from '../worker/job-loop.ts';
import { holdToRoom } from '../worker/room.ts';
import { ask, startApplying, startReconciling } from '../worker/sync.ts';
import { type CommonOptions, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { printJson, say } from './print.ts';
import { openProgress } from './progress.ts';
import { runPlan } from './run-plan.ts';
import { summary } from './summary.ts';
import { terminated } from './terminated.ts';
import { LOOK_MS, tellJobless, untilApplied, type Watch } from './watch.ts';

export interface RunOptions extends CommonOptions {
  readonly json?: boolean;
  /** A plan file: carry out that, and nothing else. */
  readonly plan?: string;
}

/** Looks between two times that the reconcile is asked for again: 5 s. */
const ASK_AGAIN_LOOKS = 25;

/** How often a run begins again for jobs that Redis has lost. */
const LOSSES = 3;

/** Runs every sync and returns the exit status: 0 where all is in step. */
export async function run(options: RunOptions): Promise<number> {
  if (options.plan !== undefined) return runPlan({ ...options, plan: options.plan });
  const stopping = new AbortController();
  void terminated(EXIT.notInStep).then(() => stopping.abort());
  return withDaemon(options, 'warn', async (daemon) => {
    const gate = createGate();
    const room = await holdToRoom(daemon.redis, gate);
    gate.onShut(() => gate.mayApply() || stopping.abort());
    const progress = openProgress(options.json === true ? 'none' : 'auto');
    const ends = await Promise.allSettled(
      daemon.syncs.map((sync) => runSync(sync, { progress, stopping: stopping.signal, gate })),
    );
    progress.close();
    room.stop();
    const ran = ends.map((end) => {
      if (end.status === 'rejected') throw end.reason;
      return end.value;
    });
    const statuses = ran.map(({ status }) => status);
    if (options.json === true) printJson({ syncs: statuses });
    else for (const status of statuses) say(summary(status));
    if (stopping.signal.aborted)
      process.stderr.write('stopped; what waits is kept: `omni-sync run` goes on\n');
    const refusal = room.refusal();
    if (refusal !== undefined && ran.some(({ unread }) => unread)) throw refusal;
    return statuses.every(isInStep) ? EXIT.inStep : EXIT.notInStep;
  });
}

interface RunWatch extends Watch {
  readonly gate: Gate;
}

interface Ran {
  readonly status: SyncStatus;
  /** The directory was not read to its end, since Redis must not be given more. */
  readonly unread: boolean;
}

async function runSync(sync: Sync, watch: RunWatch): Promise<Ran> {
  const running: Running[] = [startReconciling(sync, watch.gate)];
  let losses = 0;
  try {
    for (;;) {
      const run = await reconciled(sync, watch);
      // Only now, so that all that is applied is counted to the run that has just looked at it.
      if (running.length === 1) running.push(startApplying(sync, watch.gate));
      const { status, jobless } = await untilApplied(sync, watch);
      // Where Redis was wiped meanwhile, nothing waits because all is forgotten; where it has lost jobs, nobody takes who waits.
      const isWhole = run === undefined || (await sync.ledger.runs.get(run)) !== undefined;
      const isDone = !jobless || ++losses > LOSSES;
      if (jobless) tellJobless(sync, isDone ? 'say `omni-sync run` again' : 'reading again');
      if (isWhole && isDone) return { status: await ofRun(run, status, sync), unread: run === undefined };
    }
  } finally {
    await Promise.all(running.map(({ stop }) => stop()));
  }
}

/** The status with the run that was waited for: beside a service the newest may be another one, which has only begun. */
async function ofRun(id: string | undefined, status: SyncStatus, { ledger }: Sync): Promise<SyncStatus> {
  const run = id === undefined ? undefined : await ledger.runs.get(id);
  return run === undefined ? status : { ...status, run: runView(run) };
}

/** Waits for the reconcile, and gives its run; asks again where Redis has lost the ask. Nothing where it is stopped, or Redis is to take no more. */
async function reconciled(sync: Sync, { stopping, gate }: RunWatch): Promise<string | undefined> {
  const about = { by: cliActor(), full: false };
  if (!gate.mayReconcile()) return undefined;
  let id = await ask(sync, about);
  let looks = 0;
  while (!stopping.aborted && gate.mayReconcile()) {
    const state = await sync.ledger.asks.state(id);
    if (state.kind === 'done') return state.run;
    if (state.kind === 'unknown') id = await ask(sync, about);
    // A job may have failed for good while Redis was ill, and its ask still stands; one that waits is not doubled.
    else if (++looks % ASK_AGAIN_LOOKS === 0) await addReconcileJob(sync.queues);
    await sleep(LOOK_MS);
  }
  return undefined;
}
