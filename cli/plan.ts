/** `omni-sync plan`: what a run would do, person by person and field by field, and how long Omni's limits make it take. */
import { CHANGE_KINDS, recordName } from '../model/change.ts';
import type { fieldNames } from '../plan/decide.ts';
import { secondsFor, spanText } from '../plan/forecast.ts';
import type { Sync } from '../worker/compose.ts';
import { type Preview, preview } from '../worker/preview.ts';
import type { Verdict } from '../worker/survey-state.ts';
import { type CommonOptions, EXIT, eachSync, withDaemon } from './context.ts';
import { count, printable, printJson, say, table } from './print.ts';

export interface PlanOptions extends CommonOptions {
  readonly json?: boolean;
  readonly exitCode?: boolean;
}

/** Shows the plan of every sync; with `--exit-code`, status 3 where there is something to do. */
export async function plan(options: PlanOptions): Promise<number> {
  return withDaemon(options, 'error', async (daemon) => {
    const plans = await eachSync(daemon, async (sync) => planOf(sync, await preview(sync)));
    if (options.json === true) printJson({ syncs: plans });
    else for (const one of plans) for (const line of linesOf(one)) say(line);
    if (plans.some(({ ended }) => !ended)) return EXIT.notInStep;
    return options.exitCode === true && plans.some(({ changes }) => changes.length > 0)
      ? EXIT.changes
      : EXIT.inStep;
  });
}

interface PlannedChange {
  readonly sourceId: string;
  readonly ref: string;
  /** create, adopt, update, rename; or withhold: there is a reason not to. */
  readonly kind: string;
  readonly userName: string;
  readonly omniId: string | null;
  /** Field → new value; attributes with an `@` before their reference. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Why it is withheld, or that an earlier failure keeps it from being tried. */
  readonly note: string | null;
}

type Plan = ReturnType<typeof planOf>;

function planOf(sync: Sync, seen: Preview) {
  const changes = seen.verdicts.map((verdict) => changeOf(verdict, seen));
  const writes = changes.filter(needsCall).length;
  // A cold ledger lists Omni's people once; the definitions of mapped attributes are read once a day.
  const definitions = writes > 0 && sync.mapping.attributeNames.length > 0 && !seen.definitionsFresh ? 1 : 0;
  const calls = writes + seen.pagesRead + definitions;
  return {
    name: sync.name,
    complete: seen.complete,
    ended: seen.ended,
    problem: seen.problem ?? null,
    read: seen.read,
    inScope: seen.inScope,
    counts: seen.changes,
    changes,
    rejected: seen.rejections,
    leavers: seen.leavers.map(({ link, cause }) => ({ sourceId: link.sourceId, omniId: link.omniId, cause })),
    calls,
    seconds: secondsFor(calls, sync.rate),
  };
}

function needsCall({ kind, note, fields }: PlannedChange): boolean {
  return note === null && (kind !== 'adopt' || Object.keys(fields).length > 0);
}

function changeOf({ decision, desired, sourceId, link }: Verdict, seen: Preview): PlannedChange {
  const about = { sourceId, ref: seen.ref(sourceId), kind: decision.kind, userName: desired.userName };
  const note = seen.aside.has(sourceId) ? 'set aside after a failure; see `omni-sync failed`' : null;
  const none = { ...about, omniId: link?.omniId ?? null, fields: {}, note };
  switch (decision.kind) {
    case 'create':
      return {
        ...none,
        fields: withoutNull(flat({ displayName: desired.displayName, attributes: desired.attributes })),
      };
    case 'adopt':
      return { ...none, omniId: decision.account.id, fields: flat(decision.fields) };
    case 'withhold':
      return { ...none, note: decision.reason };
    case 'none':
      return none;
    default:
      return { ...none, fields: flat(decision.fields) };
  }
}

function flat(fields: Parameters<typeof fieldNames>[0]): Record<string, unknown> {
  const { attributes = {}, ...own } = fields;
  return {
    ...own,
    ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`@${name}`, value])),
  };
}

/** A new account has nothing to clear. */
function withoutNull(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

function linesOf(one: Plan): string[] {
  const counts = CHANGE_KINDS.filter((kind) => one.counts[kind] > 0).map(
    (kind) => `${one.counts[kind]} ${kind}`,
  );
  const rows = one.changes.map((change) => [
    change.kind,
    change.sourceId,
    change.userName,
    fieldsText(change),
    change.note ?? '',
  ]);
  return [
    `${one.name}: read ${count(one.read, 'record', 'records')}, ${one.inScope} in scope: ${counts.length === 0 ? 'nothing to change' : counts.join(', ')}`,
    ...table(['change', 'sourceId', 'userName', 'what', 'note'], rows).map((line) => `  ${line}`),
    ...one.rejected.map(
      (rejection) => `  rejected ${printable(recordName(rejection))}: ${printable(rejection.reason)}`,
    ),
    ...one.leavers.map(
      ({ sourceId, cause }) => `  leaver ${sourceId}: ${LEAVER[cause]}; shown only, not taken away`,
    ),
    ...(one.problem === null ? [] : [`  the read was not complete: ${one.problem}`]),
    `  ${count(one.calls, 'request', 'requests')} to Omni, about ${spanText(one.seconds)}`,
  ];
}

const LEAVER = {
  missing: 'gone from the directory',
  outOfScope: 'out of scope',
  inactive: 'inactive in the directory',
} as const;

function fieldsText({ fields }: PlannedChange): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
    .join(', ');
}
