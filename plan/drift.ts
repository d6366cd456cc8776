/**
 * What somebody changed in Omni by hand: an account beside what we last confirmed of it, and what is to be done about
 * each difference. Pure. The ledger holds digests alone: that a value changed is known, what it was is not.
 *
 * | link | account | drift |
 * |---|---|---|
 * | active | not there (a complete list lacks it, and it was asked for by its id) | `gone` |
 * | active | inactive | `active` |
 * | active | another userName than Omni answered last, without case | `userName` |
 * | active | displayName, or an attribute, other than confirmed | `displayName`, `@reference` |
 * | active | a field that nobody confirmed: it is not ours, or is about to be written | none |
 * | taken away by us | active again | `active`, reported whatever `drift` says: the leavers' rules alone take away |
 * | taken away by us | inactive, or not there | none |
 *
 * Nobody is repaired under the policy `create`, who is protected, or whose account was never looked at: reported.
 */
import type { DriftEntry, Drifted, DriftMode, DriftRow } from '../model/drift.ts';
import type { Link } from '../model/link.ts';
import { addressKey, type OmniUser } from '../model/person.ts';
import { forgotten, shownDigest } from './confirmed.ts';
import { type Decision, fieldNames, type Policy } from './decide.ts';
import { fieldTag } from './fingerprint.ts';

/** What is to be done about drift, as the configuration says it. */
export interface DriftRules {
  readonly policy: Policy;
  /** Of what `fields` does not name. */
  readonly otherwise: DriftMode;
  /** By `active` (`gone` too), `userName`, `displayName`, `attributes`, or one attribute's reference. */
  readonly fields: Readonly<Record<string, DriftMode>>;
}

/** One person as both sides have them. */
export interface Look {
  readonly link: Link;
  /** As a list or a look-up shows it; absent: it is not there. */
  readonly account: OmniUser | undefined;
  /** The mapped attributes. */
  readonly attributeNames: readonly string[];
}

/** What differs, what is to be ignored included. */
export function findDrift(look: Look, rules: DriftRules): Drifted[] {
  return driftedFields(look).map((field) => ({ field, mode: modeOf(field, look.link, rules) }));
}

function driftedFields({ link, account, attributeNames }: Look): string[] {
  if (link.state === 'deactivated') return account?.active === true ? ['active'] : [];
  if (account === undefined) return ['gone'];
  const fields = ['displayName', ...attributeNames.map((name) => `@${name}`)];
  return [
    ...(account.active ? [] : ['active']),
    ...(addressKey(account.userName) === addressKey(link.userName) ? [] : ['userName']),
    ...fields.filter((field) => differs(field, fields, { link, account })),
  ];
}

/**
 * Whether the link knows a field with another value than the account shows. Two fields may share a tag: what one of
 * them explains does not speak of the other.
 */
function differs(
  field: string,
  fields: readonly string[],
  { link, account }: { readonly link: Link; readonly account: OmniUser },
): boolean {
  const shown = shownDigest(field, account);
  if (shown === undefined || link.confirmed.has(shown)) return false;
  const tag = fieldTag(field);
  const known = [...link.confirmed].filter((digest) => digest.startsWith(tag));
  if (known.length === 0) return false;
  const explained = new Set(
    fields
      .filter((other) => fieldTag(other) === tag)
      .map((other) => shownDigest(other, account))
      .filter((digest) => digest !== undefined && link.confirmed.has(digest)),
  );
  return known.length > explained.size;
}

/** What names itself in `drift`, and is no attribute there. */
const NAMED = new Set(['active', 'userName', 'displayName', 'attributes']);

/** What is to be done about a field of this person's. */
export function modeOf(field: string, link: Link, { policy, otherwise, fields }: DriftRules): DriftMode {
  const mode = fields[keyOf(field)] ?? (field.startsWith('@') ? fields.attributes : undefined) ?? otherwise;
  if (mode !== 'repair') return mode;
  const mayWrite = policy !== 'create' && !link.protected && link.unreviewed !== true;
  return mayWrite && link.state === 'active' ? 'repair' : 'report';
}

function keyOf(field: string): string {
  if (field === 'gone') return 'active';
  const name = field.slice(1);
  if (!field.startsWith('@')) return field;
  return NAMED.has(name) ? 'attributes' : name;
}

/** What a look showed of somebody, and what was known before. */
export interface Finding {
  readonly look: Look;
  readonly drifted: readonly Drifted[];
  readonly earlier: DriftRow | undefined;
  /** Whether what was handed to a reconcile waits for it still. */
  readonly awaited: boolean;
  /** By Redis's clock, in milliseconds. */
  readonly now: number;
}

/**
 * What to remember of somebody after a look; nothing where all is as confirmed, or is to be ignored. What is not found
 * any more is forgotten, unless the look did not show it, or its repair is on its way.
 */
export function rememberDrift({ look, drifted, earlier, awaited, now }: Finding): DriftRow | undefined {
  const found = drifted.flatMap(({ field, mode }): [string, DriftEntry][] =>
    mode === 'ignore' ? [] : [[field, { mode, since: earlier?.fields[field]?.since ?? now, seen: now }]],
  );
  const unseen = (field: string) => field.startsWith('@') && look.account?.attributes === undefined;
  const named = new Set(drifted.map(({ field }) => field));
  const kept = Object.entries(earlier?.fields ?? {}).filter(
    ([field, { handed }]) => !named.has(field) && (handed === true ? awaited : unseen(field)),
  );
  const fields = Object.fromEntries([...kept, ...found]);
  const { sourceId, omniId } = look.link;
  return Object.keys(fields).length === 0 ? undefined : { sourceId, omniId, fields };
}

/** The link as it is to be so that the next reconcile repairs these fields; nothing: there is no account to link. */
export function linkToRepair(link: Link, fields: readonly string[]): Link | undefined {
  if (fields.includes('gone')) return undefined;
  const state = fields.includes('active') ? 'deactivated' : link.state;
  return { ...link, state, confirmed: forgotten(link.confirmed, fields) };
}

/** Whether a decision does nothing but set back fields that drifted and were handed over. */
export function isRepair(decision: Decision, handed: readonly string[]): boolean {
  if (decision.kind === 'create') return handed.includes('gone');
  if (decision.kind === 'return' && !handed.includes('active')) return false;
  if (decision.kind !== 'return' && decision.kind !== 'update' && decision.kind !== 'rename') return false;
  return fieldNames(decision.fields).every((field) => handed.includes(field));
}

/** The fields of a row that were handed over. */
export function handedOf({ fields }: DriftRow): string[] {
  return Object.keys(fields).filter((field) => fields[field]?.handed === true);
}

/** A row once these fields of it are as wanted; nothing where no other is left. */
export function withoutFields(row: DriftRow, done: readonly string[]): DriftRow | undefined {
  const left = Object.entries(row.fields).filter(([field]) => !done.includes(field));
  return left.length === 0 ? undefined : { ...row, fields: Object.fromEntries(left) };
}
