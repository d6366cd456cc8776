/** A person's story as lines for a terminal. */
import type { FieldValue } from '../model/person.ts';
import type { Clause, Evaluated } from '../model/story.ts';
import type { Explanation } from '../ops/explanation.ts';
import { fieldsText } from './drift.ts';

/** The story, from the record to what happens next. */
export function explanationLines(story: Explanation): string[] {
  return [
    `${story.sync}: ${story.sourceId} (${story.ref})`,
    ...recordLines(story),
    ...mappingLines(story),
    ...ledgerLines(story),
    ...queueLines(story),
    ...auditLines(story),
    `  next: ${story.next}`,
  ];
}

const FOUND = {
  one: 'as the directory gives it now',
  none: 'the directory does not show one (within its filter)',
  several: 'several have this id',
  unread: 'it could not be read',
} as const;

function recordLines({ record }: Explanation): string[] {
  const problem = record.problem === undefined ? '' : `: ${record.problem}`;
  const fields = Object.entries(record.fields ?? {}).map(([name, value]) => `    ${name} = ${shown(value)}`);
  return [`  record: ${FOUND[record.found]}${problem}`, ...fields];
}

function mappingLines({ mapping }: Explanation): string[] {
  if (mapping === null) return [];
  const { verdict, rejection, where, active, fields } = mapping;
  return [
    `  verdict: ${verdict}${rejection === undefined ? '' : ` (${rejection.code}): ${rejection.reason}`}${mapping.protected ? ', protected' : ''}`,
    ...clauseLines('where', where),
    ...clauseLines('active', active),
    ...fields.map((field) => `    ${field.field}: ${valued(field)}`),
  ];
}

function clauseLines(name: string, clause: Clause | null): string[] {
  if (clause === null) return [`    ${name}: not set, so everyone`];
  return [`    ${name}: ${valued(clause)}`, ...partLines(clause, '      ')];
}

function partLines({ parts, joinedBy }: Clause, indent: string): string[] {
  return parts.flatMap((part) => [`${indent}${joinedBy} ${valued(part)}`, ...partLines(part, `${indent}  `)]);
}

function valued({ source, value, refusal }: Evaluated): string {
  return `${source} → ${refusal === undefined ? shown(value) : `refused: ${refusal}`}`;
}

function shown(value: FieldValue): string {
  return JSON.stringify(value);
}

function ledgerLines(story: Explanation): string[] {
  const { kept, drift } = story;
  return [
    ...accountLines(story),
    ...leaverLines(story),
    ...(kept ? ['  kept: an operator keeps them from being taken away'] : []),
    ...setAsideLines(story),
    ...(drift === null ? [] : [`  changed in Omni by hand: ${fieldsText(drift)}`]),
  ];
}

function accountLines({ link, change }: Explanation): string[] {
  const account =
    link === null
      ? 'none by this sync'
      : `${link.omniId}, ${link.userName}, ${link.provenance} ${link.since}, ${link.state}${link.protected ? ', protected' : ''}`;
  if (change === null) return [`  account: ${account}`];
  const fields = change.fields.length === 0 ? '' : ` ${change.fields.join(', ')}`;
  return [`  account: ${account}`, `  differs: ${change.kind}${fields}${because(change.reason)}`];
}

function leaverLines({ leaver }: Explanation): string[] {
  if (leaver === null) return [];
  const { cause, since, stage, due, reason } = leaver;
  return [`  leaver: ${cause} since ${time(since)}, ${stage}, due ${time(due)}${because(reason)}`];
}

function setAsideLines({ setAside }: Explanation): string[] {
  if (setAside === null) return [];
  const { at, code, message, request } = setAside;
  const line = `  set aside: since ${time(at)}, ${code}: ${message}`;
  if (request === undefined) return [line];
  const { method, path, status, answer } = request;
  return [line, `    ${method} ${path} was answered ${status ?? 'not at all'}${because(answer)}`];
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason}`;
}

function queueLines({ waiting, jobs }: Explanation): string[] {
  return [
    ...(waiting === null ? [] : [`  waiting: ${waiting.kind}, found by ${waiting.run}`]),
    ...jobs.map(
      ({ kind, state, priority, ahead, attempts }) =>
        `  job: ${kind}, ${state}, priority ${priority}${ahead === null ? '' : `, ${ahead} before it`}, tried ${attempts} times`,
    ),
  ];
}

function auditLines({ audit }: Explanation): string[] {
  return audit.map(({ at, did, call, fields, run, outcome, ...why }) => {
    const reasons = [why.who, why.cause, why.note].filter((word) => word !== undefined);
    const what = [did, call, fields.join(', ')].filter((word) => word !== undefined && word !== '');
    const end = outcome === undefined ? '' : `: ${outcome}`;
    const because = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
    return `  ${at} ${what.join(' ')}${end}${because}${run === undefined ? '' : ` by ${run}`}`;
  });
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
