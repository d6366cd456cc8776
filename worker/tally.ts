/** What is so after a read: a full one found it all, one of changes adds to what was found before. Pure. */
import type { ReadKind, RunFindings } from '../ledger/runs.ts';
import type { Watermark } from '../ledger/watermark.ts';
import type { Rejection } from '../model/change.ts';
import type { LeaversOutcome } from './leavers.ts';
import type { SurveyEnd } from './survey.ts';

export interface Tally {
  /** People in scope. */
  readonly inScope: number;
  /** Linked people who are gone, out of scope or inactive. */
  readonly leavers: number;
  readonly rejections: readonly Rejection[];
}

/** What was known before a read of changes. */
export interface Before {
  readonly watermark: Pick<Watermark, 'inScope' | 'leavers'>;
  readonly rejections: readonly Rejection[];
}

/** `remembered`: how many tombstones there are now. `before`: of a read of changes alone. */
export function tallyOf(end: SurveyEnd, remembered: number, before: Before | undefined): Tally {
  const { inScope, leavers, rejections } = end;
  if (before === undefined) return { inScope, leavers: leavers.length, rejections };
  return {
    inScope: before.watermark.inScope + end.joined,
    leavers: Math.max(before.watermark.leavers, remembered),
    rejections: [...rejections, ...before.rejections.filter((rejection) => stands(rejection, end))],
  };
}

/** Nobody was met again whom it is about; one without an id may have come again word by word. */
function stands(rejection: Rejection, end: SurveyEnd): boolean {
  if (rejection.sourceId !== undefined) return !end.met(rejection.sourceId);
  const text = JSON.stringify(rejection);
  return !end.rejections.some((again) => JSON.stringify(again) === text);
}

export interface Found {
  readonly kind: ReadKind;
  readonly end: SurveyEnd;
  readonly tally: Tally;
  readonly outcome: LeaversOutcome | undefined;
  /** What waits for an operator's word, and how many people in scope have no account for want of it. */
  readonly asked: { readonly held: number; readonly asking: number };
}

/** The record of a run. */
export function findingsOf({ kind, end, tally, outcome, asked }: Found): RunFindings {
  const { ended, problem, read, changes, repairs, looks } = end;
  const held = (outcome?.tombstones ?? []).filter(({ stage }) => stage === 'held').length;
  return {
    kind,
    complete: kind === 'changes' ? ended : end.complete,
    ended,
    ...(problem !== undefined && { problem }),
    read,
    inScope: tally.inScope,
    changes,
    repairs,
    looks,
    rejected: tally.rejections.length,
    leavers: tally.leavers,
    held: held + asked.held,
    asking: asked.asking,
  };
}
