/** What a survey found, as rows of a plan: the same for who shows one and for who carries one out later. */
import type { SetAside } from '../ledger/quarantine.ts';
import type { LeaverCause } from '../model/leaver.ts';
import type { Link } from '../model/link.ts';
import type { DesiredUser } from '../model/person.ts';
import type { Decision, Fields } from '../plan/decide.ts';
import type { Fingerprint } from '../plan/fingerprint.ts';
import { markOfAccount, type PlanCause, type PlannedChange } from '../plan/planned.ts';
import type { Stray, Verdict } from './survey-state.ts';

/** What rows are told beside the survey. */
export interface RowsAbout {
  /** Null: refs are not known yet. */
  readonly ref: (sourceId: string) => string | null;
  /** By sourceId: whose desired state failed, and waits for another one or for an operator. */
  readonly aside: ReadonlyMap<string, Pick<SetAside, 'version'>>;
  /** Accounts that another sync holds. */
  readonly foreign: ReadonlySet<string>;
}

const CAUSE: Readonly<Record<Decision['kind'], PlanCause>> = {
  none: 'changed',
  create: 'newHire',
  adopt: 'present',
  update: 'changed',
  rename: 'changed',
  return: 'back',
  relink: 'newId',
  withhold: 'present',
};

/** The row of a person in scope for whom something is to be done, or withheld. */
export function rowOfVerdict(verdict: Verdict, about: RowsAbout): PlannedChange {
  const { sourceId, desired, decision, account } = verdict;
  const link = decision.kind === 'relink' ? decision.from : (verdict.from ?? verdict.link);
  const version = verdict.fingerprint.toString('base64url');
  const omniId = link?.omniId ?? account?.id ?? null;
  const row = {
    sourceId,
    ref: about.ref(sourceId),
    kind: decision.kind === 'none' ? ('withhold' as const) : decision.kind,
    cause: decision.kind === 'withhold' && account === undefined ? 'newId' : CAUSE[decision.kind],
    userName: desired.userName,
    omniId,
    provenance: provenanceOf(link),
    fields: fieldsOf(decision, desired),
    version,
    was: markOfAccount(link, account),
  };
  if (decision.kind === 'withhold') return { ...row, calls: 0, note: decision.reason };
  if (omniId !== null && about.foreign.has(omniId)) {
    return {
      ...row,
      kind: 'withhold',
      provenance: 'foreign',
      fields: {},
      calls: 0,
      note: foreignNote(omniId),
    };
  }
  if (about.aside.get(sourceId)?.version === version) return { ...row, calls: 0, note: ASIDE };
  return { ...row, calls: callsOf(decision), note: null };
}

const ASIDE = 'set aside after a failure; see `omni-sync failed`';

function foreignNote(omniId: string): string {
  return `account ${omniId} belongs to another sync of this Omni instance: give each person to one sync alone`;
}

function provenanceOf(link: Link | undefined): PlannedChange['provenance'] {
  if (link === undefined) return null;
  return link.protected ? 'protected' : link.provenance;
}

function callsOf(decision: Decision): number {
  if (decision.kind === 'adopt') return Object.keys(decision.fields).length > 0 ? 1 : 0;
  if (decision.kind !== 'relink') return 1;
  return decision.from.state === 'deactivated' || Object.keys(decision.fields).length > 0 ? 1 : 0;
}

function fieldsOf(decision: Decision, { displayName, attributes }: DesiredUser): Record<string, unknown> {
  if (decision.kind === 'create') return withoutNull(flatFields({ displayName, attributes }));
  return 'fields' in decision ? flatFields(decision.fields) : {};
}

/** Fields by one name each: `displayName`, `@region`. */
export function flatFields({ attributes = {}, ...own }: Fields): Record<string, unknown> {
  const references = Object.entries(attributes).map(([name, value]) => [`@${name}`, value]);
  return { ...own, ...Object.fromEntries(references) };
}

/** A new account has nothing to clear. */
function withoutNull(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

/** The row of an account that is linked though its record is not wanted: nothing is written to it. */
export function rowOfStray(stray: Stray, about: RowsAbout, fingerprint: Fingerprint): PlannedChange {
  const { sourceId, desired, account } = stray;
  return {
    sourceId,
    ref: about.ref(sourceId),
    kind: 'adopt',
    cause: 'present',
    userName: desired.userName,
    omniId: account.id,
    provenance: null,
    fields: {},
    version: fingerprint(desired, stray.protected).toString('base64url'),
    was: markOfAccount(undefined, account),
    calls: 0,
    note: 'its record is not wanted: linked, and held for you to look at before it may be taken away',
  };
}

/** Somebody whose time has come. */
export interface Removal {
  readonly sourceId: string;
  readonly omniId: string;
  readonly userName: string;
  readonly cause: LeaverCause;
  /** As far as the read has met it. */
  readonly link: Link | undefined;
  readonly action: 'deactivate' | 'delete';
  /** The version under which the outbox has it. */
  readonly waitsAs: string;
}

/** The row of a removal: since when it is due may differ from read to read, and is no part of it. */
export function rowOfRemoval(removal: Removal, about: RowsAbout): PlannedChange {
  const { sourceId, omniId, userName, cause, link, action, waitsAs } = removal;
  const aside = about.aside.get(sourceId)?.version === waitsAs;
  return {
    sourceId,
    ref: about.ref(sourceId),
    kind: 'deactivate',
    cause,
    userName,
    omniId,
    provenance: provenanceOf(link),
    fields: action === 'delete' ? { deleted: true } : { active: false },
    version: action,
    was: markOfAccount(link, undefined),
    calls: aside ? 0 : 1,
    note: aside ? ASIDE : null,
  };
}
