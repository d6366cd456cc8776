/** Compares what was sent with what Omni's answer shows, so that no coercion makes an endless update. Never asks Omni. */
import { type AttributeValue, addressKey, type OmniUser } from '../model/person.ts';
import type { UserFields } from './wire.ts';

/**
 * A field that came back otherwise: `kept`, Omni shows another value; `coerced`, the same value in another form, as
 * `"5"` for 5 or `"yes"` for `"true"`; `dropped`, the answer shows attributes, but not this one.
 */
export interface Difference {
  /** `userName`, `displayName`, or an attribute's reference. */
  readonly field: string;
  readonly kind: 'kept' | 'coerced' | 'dropped';
}

/**
 * What differs between the fields sent and the answer. Addresses are compared by `addressKey`; lists without
 * their order. An answer without an attribute map says nothing about attributes. A cleared attribute may be absent or empty.
 */
export function differences(sent: UserFields, answer: OmniUser): Difference[] {
  const found: Difference[] = [];
  if (sent.userName !== undefined && addressKey(sent.userName) !== addressKey(answer.userName))
    found.push({ field: 'userName', kind: 'kept' });
  const name = text(sent.displayName ?? answer.displayName);
  if (name !== text(answer.displayName)) {
    const kind = name.trim() === text(answer.displayName).trim() ? 'coerced' : 'kept';
    found.push({ field: 'displayName', kind });
  }
  const { attributes: shown } = answer;
  for (const [field, value] of Object.entries(shown === undefined ? {} : (sent.attributes ?? {}))) {
    const kind = compare(value, shown && Object.hasOwn(shown, field) ? shown[field] : undefined);
    if (kind !== undefined) found.push({ field, kind });
  }
  return found;
}

function compare(sent: AttributeValue, came: unknown): Difference['kind'] | undefined {
  const wanted = values(sent);
  const got = values(came);
  if (wanted.length === 0) return got.length === 0 ? undefined : 'kept';
  if (got.length === 0) return 'dropped';
  // Nothing of the kind is ever sent; how deep it goes is not ours to find out.
  if (got.some((value) => typeof value === 'object')) return 'kept';
  // Two strings are compared as text, so that "007" is not "7": only where a number is meant are numbers compared.
  const numeric = [...wanted, ...got].some((value) => typeof value === 'number');
  const meant = (value: unknown) => meaning(value, numeric);
  if (!sameSet(wanted.map(meant), got.map(meant))) return 'kept';
  const form = (value: unknown) => JSON.stringify(value);
  return Array.isArray(sent) === Array.isArray(came) && sameSet(wanted.map(form), got.map(form))
    ? undefined
    : 'coerced';
}

/** The values of a scalar or list; nothing for what is empty. */
function values(value: unknown): readonly unknown[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  return all
    .filter((one) => one !== null && one !== undefined && one !== '')
    .map((one) => (typeof one === 'string' ? text(one) : one));
}

const TRUTH = new Map([
  ['true', 'yes'],
  ['false', 'no'],
  ['yes', 'yes'],
  ['no', 'no'],
]);

/** What a value means when its type is left aside. Integers that a double cannot hold stay text. */
function meaning(value: unknown, numeric: boolean): string {
  const plain = String(value).trim();
  const number = numeric && /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : Number.NaN;
  if (Number.isSafeInteger(number) || (Number.isFinite(number) && !Number.isInteger(number)))
    return String(number);
  return TRUTH.get(plain.toLowerCase()) ?? plain;
}

function text(value: string): string {
  return value.normalize('NFC');
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}
