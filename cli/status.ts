/** `omni-sync status`: each sync's last and next run, and what is in step, waiting and failed. */

import { type AccountCounts, readProvenances } from '../ops/provenance.ts';
import { isInStep, type SyncStatus } from '../ops/status.ts';
import { secondsFor, spanText } from '../plan/forecast.ts';
import { operationsOf } from '../worker/operations.ts';
import { type CommonOptions, eachSync, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { printJson, say } from './print.ts';
import { summary } from './summary.ts';

/** Says how each sync stands. */
export async function status(options: CommonOptions & { readonly json?: boolean }): Promise<number> {
  return withDaemon(options, 'error', async (daemon) => {
    const statuses = await eachSync(daemon, async (sync) => {
      const { counts: accounts } = await readProvenances(sync.ledger);
      return { ...(await operationsOf(sync).status()), accounts };
    });
    if (options.json === true) printJson({ syncs: statuses });
    else {
      daemon.syncs.forEach((sync, i) => {
        const shown = statuses[i];
        if (shown === undefined) return;
        say(summary(shown));
        say(accountsText(shown.accounts));
        say(timesOf(shown, secondsFor(shown.waiting, sync.rate)));
      });
    }
    return statuses.every(isInStep) ? EXIT.inStep : EXIT.notInStep;
  });
}

function accountsText({
  created,
  adopted,
  protected: shielded,
  deactivated,
  foreign,
}: AccountCounts): string {
  const ours = `${created} created, ${adopted} adopted, ${shielded} protected, ${deactivated} taken away`;
  return `  accounts: ${ours}; ${foreign} in Omni are nobody's in the directory`;
}

/** How long it takes is said only while anything is sent. */
function timesOf(
  { run, nextRun, waiting, paused, halted, unreachable }: SyncStatus,
  seconds: number,
): string {
  const stands = paused || halted || unreachable;
  const last = run === null ? 'never ran' : `last run ${run.finishedAt ?? `${run.startedAt} (running)`}`;
  const left = waiting === 0 || stands ? '' : `, all applied in about ${spanText(seconds)}`;
  return `  ${last}, next run ${nextRun ?? 'unknown'}${left}`;
}
