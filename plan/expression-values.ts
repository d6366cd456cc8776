/**
 * Values on their way into and out of the CEL engine, and the caps that keep both sides small.
 * Must never read or write through a JavaScript prototype, nor put a record's value into a message.
 */
import { type CelInput, type CelValue, isCelList, isCelMap, isCelUint } from '@bufbuild/cel';
import { SyncError } from '../model/errors.ts';
import type { DirectoryRecord, FieldValue } from '../model/person.ts';

/** The longest text, in UTF-16 units, that a field holds or an expression makes on its way. */
export const MAX_TEXT = 65_536;
/** The most entries of a field (those of nested lists and objects counted in) or of a list that an expression makes. */
export const MAX_ENTRIES = 1_000;
/** The most text of one field altogether, in UTF-16 units. */
const MAX_FIELD_TEXT = 1_048_576;
const MAX_NESTING = 8;

const FORBIDDEN: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Whether a name would reach into JavaScript's own objects, and so is no field, key or attribute here. */
export function isForbiddenName(name: string): boolean {
  return FORBIDDEN.has(name);
}

/**
 * The value of a record's field; one that is absent or `""` is null.
 * @throws SyncError `refused` (`record.too-large`, `record.forbidden-key`, `record.bad-value`), naming the field.
 */
export function readField(record: DirectoryRecord, name: string): FieldValue {
  const value = Object.hasOwn(record, name) ? record[name] : null;
  if (value === undefined || value === null || value === '') return null;
  if (typeof value === 'string') {
    if (value.length > MAX_TEXT) throw tooLarge(name);
  } else if (typeof value !== 'number' && typeof value !== 'boolean') {
    assertSmall(value, name, { entries: MAX_ENTRIES, text: MAX_FIELD_TEXT, nesting: MAX_NESTING });
  }
  return value;
}

interface Allowance {
  entries: number;
  text: number;
  nesting: number;
}

function assertSmall(value: unknown, field: string, left: Allowance): void {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return;
  if (typeof value === 'string') {
    left.text -= value.length;
    if (value.length > MAX_TEXT || left.text < 0) throw tooLarge(field);
    return;
  }
  if (typeof value !== 'object') {
    throw new SyncError(
      'refused',
      'record.bad-value',
      `Field ${field} holds something that is no JSON value.`,
    );
  }
  const entries: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  left.entries -= entries.length;
  left.nesting -= 1;
  if (left.entries < 0 || left.nesting < 0) throw tooLarge(field);
  if (!Array.isArray(value)) assertKeys(value, field, left);
  for (const entry of entries) assertSmall(entry, field, left);
  left.nesting += 1;
}

function assertKeys(value: object, field: string, left: Allowance): void {
  for (const key of Object.keys(value)) {
    left.text -= key.length;
    if (key.length > MAX_TEXT || left.text < 0) throw tooLarge(field);
    if (!isForbiddenName(key)) continue;
    throw new SyncError(
      'refused',
      'record.forbidden-key',
      `Field ${field} holds an object with the key ${key}, which is not allowed. Rename it in the directory.`,
    );
  }
}

function tooLarge(field: string): SyncError {
  return new SyncError(
    'refused',
    'record.too-large',
    `Field ${field} is too large: at most ${MAX_TEXT} characters a text, ${MAX_FIELD_TEXT} in all, ` +
      `${MAX_ENTRIES} entries and ${MAX_NESTING} levels. Shorten it in the directory, or map another field.`,
  );
}

/** A field's value as CEL sees it: whole numbers are ints, other numbers doubles, objects maps. */
export function toCel(value: FieldValue): CelInput {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map(toCel);
  return new Map(Object.entries(value).map(([key, entry]) => [key, toCel(entry)]));
}

function isList(value: object): value is readonly FieldValue[] {
  return Array.isArray(value);
}

/**
 * An expression's result as a field's value; an int past 2^53-1 becomes decimal text, so that no digit is lost.
 * @throws SyncError `refused` (`record.expression`) for an object, a type, or more than a list may hold.
 */
export function fromCel(value: CelValue): FieldValue {
  if (typeof value === 'bigint') return fromInt(value);
  if (value === null || typeof value !== 'object') return value;
  if (isCelUint(value)) return fromInt(value.value);
  if (isCelList(value)) {
    if (value.size > MAX_ENTRIES) throw unusable(`a list of more than ${MAX_ENTRIES} entries`);
    return [...value].map(fromCel);
  }
  throw unusable(isCelMap(value) ? 'an object' : 'something that is no plain value');
}

function fromInt(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function unusable(what: string): SyncError {
  const mend = 'It must give text, a number, true or false, null, or a list of these.';
  return new SyncError('refused', 'record.expression', `The expression gave ${what}. ${mend}`);
}
