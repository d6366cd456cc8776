/**
 * Short hashes of what Omni should hold: of the whole (has anything changed?) and of each field (what has?).
 * Must never be used to name a person: they are not keyed.
 */
import { hash } from 'node:crypto';
import { addressKey, type DesiredUser } from '../model/person.ts';

const FINGERPRINT_BYTES = 8;
const DIGEST_BYTES = 5;

interface FingerprintOptions {
  /** The mapped attribute references, in their fixed order. */
  readonly attributeNames: readonly string[];
  /** Whether the policy writes updates: part of the hash, so that a change of policy looks at everyone again. */
  readonly updates: boolean;
}

/** 8 bytes that are equal where nothing of a desired user, its protection, the attributes' names or the policy differs. */
export type Fingerprint = (desired: DesiredUser, isProtected: boolean) => Buffer;

/** Compiles the hash of a mapping: SHA-256 over a JSON array in a fixed order, cut to 8 bytes. */
export function compileFingerprint(options: FingerprintOptions): Fingerprint {
  const names = [...options.attributeNames];
  // Of another form of digests than 2, everyone is looked at again.
  const head = JSON.stringify(['2', options.updates, names]);
  return (desired, isProtected) => {
    const row: unknown[] = [isProtected, desired.sourceId, desired.userName, desired.displayName];
    for (const name of names) {
      // No attribute is ever `false`: here it stands for one that is kept, which null (cleared) is not.
      row.push(Object.hasOwn(desired.attributes, name) ? desired.attributes[name] : false);
    }
    return Buffer.from(sha256(head + JSON.stringify(row)).slice(0, FINGERPRINT_BYTES), 'latin1');
  };
}

/** The digests of all fields that a desired user names, as a link's `confirmed` holds them. */
export function confirmedOf(desired: DesiredUser): string[] {
  const attributes = Object.entries(desired.attributes);
  return [
    confirmDigest('userName', desired.userName),
    confirmDigest('displayName', desired.displayName),
    ...attributes.map(([name, value]) => confirmDigest(`@${name}`, value)),
  ];
}

/**
 * The digest of `field = value`: 5 bytes as a latin1 string, the first of which is the field's alone, so that a set of
 * them says which fields it knows. Fields are `userName`, `displayName` and `@reference`. Values that Omni may give
 * back in another form have one digest: 5 and "5", NFC and NFD, an address in either case, a list in another order, and
 * whatever is empty.
 */
export function confirmDigest(field: string, value: unknown): string {
  const comparable = field === 'userName' && typeof value === 'string' ? addressKey(value) : normalise(value);
  return fieldTag(field) + sha256(JSON.stringify([field, comparable])).slice(0, DIGEST_BYTES - 1);
}

/** The first byte of all digests of this field; seldom another field's too. */
export function fieldTag(field: string): string {
  return sha256(field).slice(0, 1);
}

function normalise(value: unknown): string | readonly string[] | null {
  if (Array.isArray(value)) {
    const entries = value.filter(isThere).map(text).sort();
    return entries.length === 0 ? null : entries;
  }
  return isThere(value) ? text(value) : null;
}

function isThere(value: unknown): boolean {
  return value !== null && value !== undefined && value !== '';
}

function text(value: unknown): string {
  return (typeof value === 'object' ? JSON.stringify(value) : String(value)).normalize('NFC');
}

/** As a string of bytes: a hash asked for as a Buffer costs twice as much. */
function sha256(text: string): string {
  return hash('sha256', text, 'binary');
}
