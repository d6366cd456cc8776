/** `omni-sync plan`: what a run would do, person by person and field by field, and how long Omni's limits make it take. */
import type { DriftRow } from '../model/drift.ts';
import { spanText } from '../plan/forecast.ts';
import { writePlanFile } from '../plan/plan-file.ts';
import type { Sync } from '../worker/compose.ts';
import { type Plan, planSync } from '../worker/plan.ts';
import { type CommonOptions, eachSync, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { planLines } from './plan-text.ts';
import { count, printable, printJson, say } from './print.ts';
import { savePrivately } from './private-file.ts';

export interface PlanOptions extends CommonOptions {
  readonly json?: boolean;
  readonly exitCode?: boolean;
  readonly old?: boolean;
  readonly out?: string;
}

/**
 * Shows the plan of every sync, and with `--out` keeps it in a file; with `--exit-code`, status 3 where there is something
 * to do. Nothing is written to Omni, and to Redis the budget's clock alone.
 */
export async function plan(options: PlanOptions): Promise<number> {
  return withDaemon({ ...options, readOnly: true }, 'error', async (daemon) => {
    const plans = await eachSync(daemon, (sync) =>
      planSync(sync, options.old === true ? { old: sayCost } : {}),
    );
    if (options.out !== undefined) await savePrivately(options.out, writePlanFile(plans.map(kept)), 'plan');
    const drifts = await eachSync(daemon, driftOf);
    const shown = plans.map((one, i) => ({ ...one, drift: drifts[i] ?? [] }));
    if (options.json === true) printJson({ syncs: shown });
    else for (const one of shown) for (const line of [...planLines(one), ...driftLines(one.drift)]) say(line);
    if (plans.some(({ ended }) => !ended)) return EXIT.notInStep;
    return options.exitCode === true && plans.some(hasChanges) ? EXIT.changes : EXIT.inStep;
  });
}

/** What somebody changed in Omni by hand: no part of the plan, beside it. */
async function driftOf({ ledger }: Sync): Promise<DriftRow[]> {
  return [...(await ledger.drift.all()).values()];
}

function driftLines(rows: readonly DriftRow[]): string[] {
  return rows.map(({ sourceId, omniId, fields }) => {
    const what = Object.entries(fields).map(([field, { mode, since }]) => {
      return `${field} (${mode}, since ${new Date(since).toISOString()})`;
    });
    return `  drift ${printable(sourceId)} (account ${omniId}): ${what.join(', ')}`;
  });
}

function sayCost(calls: number, seconds: number): void {
  const cost = `${count(calls, 'request', 'requests')} to Omni, about ${spanText(seconds)}`;
  process.stderr.write(`reading old values: ${cost}\n`);
}

/** What of a plan is for the file. */
function kept({ name, identity, madeAt, changes, leavers }: Plan) {
  return { name, identity, madeAt, changes, leavers };
}

function hasChanges({ changes }: Plan): boolean {
  return changes.some(({ kind }) => kind !== 'withhold');
}
