/** A sync's standing as a few lines for people. */
import { CHANGE_KINDS } from '../model/change.ts';
import type { RunView, SyncStatus } from '../ops/status.ts';
import { count } from './print.ts';

/** What a run found and did, and what is left. */
export function summary({
  name,
  run,
  inStep,
  waiting,
  failed,
  drift,
  halted,
  paused,
  unreachable,
}: SyncStatus): string {
  const lines = [
    `${name}: ${inStep} in step, ${waiting} waiting, ${failed} failed${run === null ? '' : runText(run)}`,
    ...(run === null || run.problem === null ? [] : [`  the read was not complete: ${run.problem}`]),
    ...(run !== null && run.rejected > 0
      ? [
          `  ${count(run.rejected, 'record was', 'records were')} rejected; \`omni-sync failed\` names them and says why`,
        ]
      : []),
    ...(run !== null && run.leavers > 0
      ? [
          `  ${count(run.leavers, 'linked person is', 'linked people are')} gone, inactive or out of scope; \`omni-sync leavers\` says who is taken away, and when (policy full alone does)`,
        ]
      : []),
    ...(run !== null && run.held > 0
      ? [`  ${count(run.held, 'person is', 'people are')} held until you approve: \`omni-sync leavers\``]
      : []),
    ...(drift.people > 0
      ? [
          `  ${count(drift.people, 'account was', 'accounts were')} changed in Omni by hand; \`omni-sync drift\` names them`,
        ]
      : []),
    ...(drift.problem === null ? [] : [`  Omni was not compared to its end: ${drift.problem}`]),
    ...(failed > 0 ? ['  `omni-sync failed` says why; `omni-sync retry` tries again'] : []),
    ...(unreachable ? ['  Omni does not answer; what waits is kept and goes out once it does'] : []),
    ...(paused ? ['  paused: nothing is sent; `omni-sync resume` goes on'] : []),
    ...(halted
      ? [
          '  halted: Omni refuses the API key; replace the key, what waits is kept and goes out with the new one',
        ]
      : []),
  ];
  return lines.join('\n');
}

function runText(run: RunView): string {
  const changes = CHANGE_KINDS.filter((kind) => run.changes[kind] > 0).map(
    (kind) => `${run.changes[kind]} ${kind}`,
  );
  const found = changes.length === 0 ? 'nothing to change' : changes.join(', ');
  const read =
    run.kind === 'changes'
      ? `looked for changes, and read ${count(run.read, 'record', 'records')}`
      : `read ${count(run.read, 'record', 'records')}`;
  const repaired =
    run.repairs === 0 ? '' : `, ${count(run.repairs, 'account', 'accounts')} set back after a change in Omni`;
  return `\n  ${read}: ${found}${repaired}; ${run.applied} applied with ${count(run.calls, 'request', 'requests')} to Omni`;
}
