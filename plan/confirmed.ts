/**
 * Which fields of an account a link knows, and what it holds to be confirmed after a write. Pure. What Omni stored
 * otherwise than it was sent counts as confirmed too: it was told once, and is no drift.
 */
import type { DesiredUser, OmniUser } from '../model/person.ts';
import type { Fields } from './decide.ts';
import { confirmDigest, confirmedOf, fieldTag } from './fingerprint.ts';

/** As many digests as a link can hold. */
const MOST = 255;

/** A write and what came of it. */
export interface Written {
  readonly desired: DesiredUser;
  /** What of it was sent, or is now in the account for another reason. */
  readonly sent: Fields;
  readonly answer: OmniUser;
  /** What was confirmed before: of fields that were not sent now, what Omni stored otherwise then. */
  readonly earlier?: ReadonlySet<string>;
}

/** The digests that are confirmed after a write: what is desired, and what Omni shows of it in another form. */
export function confirmedAfter({ desired, sent, answer, earlier }: Written): Set<string> {
  const confirmed = new Set(confirmedOf(desired));
  for (const field of ['displayName', ...Object.keys(desired.attributes).map((name) => `@${name}`)]) {
    const shown = shownDigest(field, answer);
    if (shown === undefined || confirmed.size === MOST) continue;
    if (isSent(field, sent) || earlier?.has(shown) === true) confirmed.add(shown);
  }
  return confirmed;
}

/** The digest of what an account shows in `displayName` or an `@reference`; nothing where it shows no attributes at all, as list items do. */
export function shownDigest(field: string, account: OmniUser): string | undefined {
  if (field === 'displayName') return confirmDigest(field, account.displayName);
  const { attributes } = account;
  const name = field.slice(1);
  return attributes && confirmDigest(field, Object.hasOwn(attributes, name) ? attributes[name] : null);
}

function isSent(field: string, { displayName, attributes = {} }: Fields): boolean {
  return field === 'displayName' ? displayName !== undefined : Object.hasOwn(attributes, field.slice(1));
}

/** `confirmed` without anything about these fields: the next reconcile writes them. */
export function forgotten(confirmed: ReadonlySet<string>, fields: readonly string[]): Set<string> {
  const tags = new Set(fields.map(fieldTag));
  return new Set([...confirmed].filter((digest) => !tags.has(digest.slice(0, 1))));
}

/** Whether something is confirmed of this field, or of one that shares its tag. */
export function isKnown(confirmed: ReadonlySet<string>, field: string): boolean {
  const tag = fieldTag(field);
  return [...confirmed].some((digest) => digest.startsWith(tag));
}
