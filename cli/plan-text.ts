/** A plan as lines for people. */
import { CHANGE_KINDS, recordName } from '../model/change.ts';
import { spanText } from '../plan/forecast.ts';
import type { PlanCause, PlannedChange, PlannedLeaver } from '../plan/planned.ts';
import type { Plan } from '../worker/plan.ts';
import { count, printable, table } from './print.ts';

/** Everything that a plan says, the changes as a table. */
export function planLines(plan: Plan): string[] {
  const inside = [
    ...(plan.rebinds === null ? [] : [rebindText(plan)]),
    ...table(['change', 'sourceId', 'userName', 'why', 'what', 'note'], plan.changes.map(cellsOf)),
    ...plan.rejected.map((one) => `rejected ${printable(recordName(one))}: ${printable(one.reason)}`),
    ...plan.leavers.map(leaverText),
    ...aloneLines(plan),
    ...(plan.problem === null ? [] : [`the read was not complete: ${plan.problem}`]),
    costText(plan),
  ];
  return [headText(plan), ...inside.map((line) => `  ${line}`)];
}

function headText({ name, read, inScope, counts }: Plan): string {
  const found = CHANGE_KINDS.filter((kind) => counts[kind] > 0).map((kind) => `${counts[kind]} ${kind}`);
  const changes = found.length === 0 ? 'nothing to change' : found.join(', ');
  return `${name}: read ${count(read, 'record', 'records')}, ${inScope} in scope: ${changes}`;
}

function rebindText({ rebinds }: Plan): string {
  return `Redis remembers people under another configuration: ${rebinds}. A run refuses this without --rebind; with it, Omni's accounts are listed anew, and who comes under a new id is a relink, which counts against leavers.limit`;
}

const WHY: Readonly<Record<PlanCause, string>> = {
  newHire: 'new',
  present: 'in Omni already',
  changed: 'changed',
  back: 'back',
  newId: 'new id',
  missing: 'gone',
  inactive: 'inactive',
  outOfScope: 'out of scope',
};

function cellsOf(change: PlannedChange): string[] {
  const { kind, sourceId, userName, cause, note } = change;
  return [kind, sourceId, userName, WHY[cause], fieldsText(change), note ?? ''];
}

/** `displayName = "New"`, or with old values `displayName: "Old" → "New"`. */
function fieldsText({ fields, old }: PlannedChange): string {
  const texts = Object.entries(fields).map(([name, value]) => {
    const now = JSON.stringify(value);
    return old === undefined ? `${name} = ${now}` : `${name}: ${JSON.stringify(old[name] ?? null)} → ${now}`;
  });
  return texts.join(', ');
}

const LEAVER = {
  missing: 'gone from the directory',
  outOfScope: 'out of scope',
  inactive: 'inactive in the directory',
} as const;

function leaverText({ sourceId, userName, cause, ...rest }: PlannedLeaver): string {
  return printable(`leaver ${sourceId} ${userName}: ${LEAVER[cause]}; ${stageText(rest)}`);
}

function stageText({
  stage,
  since,
  due,
  reason,
}: Pick<PlannedLeaver, 'stage' | 'since' | 'due' | 'reason'>): string {
  const times = `noticed ${dateOf(since)}, not before ${dateOf(due)}`;
  switch (stage) {
    case 'grace':
      return `waits out the grace: ${times}`;
    case 'held':
      return `held: ${reason ?? 'an operator has to look'}; ${times}`;
    case 'approved':
      return `approved: ${times}`;
    case 'leaving':
      return `taken away now: ${times}`;
    case 'kept':
      return 'kept by an operator, not taken away';
    case 'protected':
      return 'protected, not taken away';
    case 'shown':
      return 'shown only: this policy takes nobody away';
  }
}

function dateOf(at: string | null): string {
  return (at ?? '').slice(0, 16).replace('T', ' ');
}

/** So many are named; `--json` names all. */
const NAMED = 20;

/** Whom nothing is written of, and what. */
function aloneLines({ protected: shielded, unmatched, leftOut }: Plan): string[] {
  return [
    ...leftOut.map(({ name, why }) => `attribute ${printable(name)} is left out: ${why}`),
    ...(shielded.length === 0
      ? []
      : [`protected, never written: ${namesOf(shielded.map(({ sourceId }) => sourceId))}`]),
    ...(unmatched.length === 0
      ? []
      : [
          `in Omni and nobody's in the directory, never touched: ${namesOf(unmatched.map(({ userName }) => userName))}`,
        ]),
  ];
}

function namesOf(names: readonly string[]): string {
  const more = names.length - NAMED;
  return printable(names.slice(0, NAMED).join(', ')) + (more > 0 ? ` and ${more} more` : '');
}

function costText({ calls, planCalls, seconds }: Plan): string {
  const made = planCalls === 0 ? '' : `; this plan has made ${planCalls} of its own`;
  return `a run: ${count(calls, 'request', 'requests')} to Omni, about ${spanText(seconds)}${made}`;
}
