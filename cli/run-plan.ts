/** `omni-sync run --plan FILE`: carries out that plan and nothing else; what has changed since is left, and said. */

import { SyncError } from '../model/errors.ts';
import type { SyncStatus } from '../ops/status.ts';
import { type PlannedSync, readPlanFile } from '../plan/plan-file.ts';
import type { Daemon, Sync } from '../worker/compose.ts';
import { type PlanResult, startPlanned } from '../worker/planned-run.ts';
import { requireRoom } from '../worker/room.ts';
import type { LeftRow } from '../worker/selection.ts';
import { type CommonOptions, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { count, printJson, say } from './print.ts';
import { loadPlan } from './private-file.ts';
import { openProgress } from './progress.ts';
import { terminated } from './terminated.ts';
import { tellJobless, untilApplied, type Watch } from './watch.ts';

export interface RunPlanOptions extends CommonOptions {
  readonly json?: boolean;
  readonly plan: string;
}

type Ran = SyncStatus & { readonly plan: PlanResult };

/** Carries out the plan of every sync that the file names; status 0 where every planned row is in Omni. */
export async function runPlan(options: RunPlanOptions): Promise<number> {
  const planned = readPlanFile(await loadPlan(options.plan));
  const stopping = new AbortController();
  void terminated(EXIT.notInStep).then(() => stopping.abort());
  return withDaemon(options, 'warn', async (daemon) => {
    await requireRoom(daemon.redis);
    const pairs = pairsOf(daemon, planned, options.sync);
    const progress = openProgress(options.json === true ? 'none' : 'auto');
    const watch = { progress, stopping: stopping.signal };
    const ends = await Promise.allSettled(pairs.map(([sync, plan]) => runOne(sync, plan, watch)));
    progress.close();
    const ran = ends.map((end) => {
      if (end.status === 'rejected') throw end.reason;
      return end.value;
    });
    if (options.json === true) printJson({ syncs: ran });
    else for (const one of ran) for (const line of linesOf(one)) say(line);
    return ran.every(({ plan }) => plan.inOmni === plan.planned) ? EXIT.inStep : EXIT.notInStep;
  });
}

/** @throws SyncError `config`, `plan.sync`, where the file and the configuration have other syncs. */
function pairsOf(
  { syncs }: Daemon,
  planned: readonly PlannedSync[],
  only: string | undefined,
): [Sync, PlannedSync][] {
  const chosen = planned.filter(({ name }) => only === undefined || name === only);
  const pairs = chosen.flatMap((plan) => {
    const sync = syncs.find(({ name }) => name === plan.name);
    return sync === undefined ? [] : [[sync, plan] satisfies [Sync, PlannedSync]];
  });
  if (chosen.length > 0 && pairs.length === chosen.length) return pairs;
  const names = planned.map(({ name }) => name).join(', ') || 'none';
  throw new SyncError(
    'config',
    'plan.sync',
    `the plan file is about the syncs ${names}, which are not those of this configuration; make a new one with \`omni-sync plan --out FILE\``,
  );
}

async function runOne(sync: Sync, planned: PlannedSync, watch: Watch): Promise<Ran> {
  const going = await startPlanned(sync, planned, watch.stopping).catch((error: unknown) => {
    if (watch.stopping.aborted) throw stopped();
    throw error;
  });
  try {
    const { jobless } = await untilApplied(sync, watch, going.waiting);
    if (jobless) tellJobless(sync, 'carry out the plan again, which goes on with what is left');
  } finally {
    await going.stop();
  }
  const plan = await going.result();
  const { status } = await untilApplied(sync, watch, () => 0);
  return { ...status, plan };
}

function stopped(): SyncError {
  const message = 'stopped before anything of the plan was carried out; the same plan may be run again';
  return new SyncError('transient', 'plan.stopped', message);
}

function linesOf({ name, plan }: Ran): string[] {
  const { planned, inOmni, already, left, failed, notInPlan } = plan;
  const before = already === 0 ? '' : `, ${already} of them before this run`;
  return [
    `${name}: ${inOmni} of ${count(planned, 'planned change is', 'planned changes are')} in Omni${before}`,
    ...left.map((row) => `  left: ${rowText(row)}`),
    ...failed.map((row) => `  failed: ${rowText(row)}`),
    ...notInPlan.map((row) => `  not in the plan: ${row.kind} ${row.sourceId} ${row.userName}`),
    ...(left.length + notInPlan.length === 0
      ? []
      : [
          '  what was left waits for a new plan, or for a run; a service beside this command goes on with its own work',
        ]),
  ];
}

function rowText({ kind, sourceId, userName, why }: LeftRow): string {
  return `${kind} ${sourceId} ${userName}: ${why}`;
}
