/**
 * From one JSON text to one directory record, with the caps that every file format shares. Never repairs: a
 * text that is not exactly one object is a fault of the file. A key such as `__proto__` is left where JSON.parse
 * puts it, an own and harmless property, and is never dropped: the mapping rejects that one record.
 */
import type { SyncError } from '../model/errors.ts';
import type { DirectoryRecord, FieldValue } from '../model/person.ts';
import { incomplete } from './complete.ts';

/** The most one record may take in its file, in characters (UTF-16 units). */
export const MAX_RECORD_LENGTH = 1024 * 1024;

/** A record that took less in its file is kept as it is: dropping fields would cost more than a page of such records. */
const SMALL_RECORD_LENGTH = 2048;

/** Lists and objects within one another, the record itself counted. */
const MAX_DEPTH = 20;

/** Where a record's text starts; line and column count from 1. */
export interface RecordPlace {
  readonly reading: string;
  readonly line: number;
  readonly column: number;
}

/** Field names that no mapping can read: a record that has one is rejected, or its file is. */
export const FORBIDDEN_NAMES: readonly string[] = ['__proto__', 'constructor', 'prototype'];

/** The names of the fields to keep of a record where the mapping reads `fields`; undefined is all, as for `fields`. */
export function keptFields(fields: readonly string[] | undefined): readonly string[] | undefined {
  return fields === undefined ? undefined : [...new Set([...fields, ...FORBIDDEN_NAMES])];
}

/**
 * The record that `text` holds. Of a large one only the fields named in `kept` stay, as no more is needed of it.
 * @throws SyncError `incomplete` where it is malformed, cut off, no object, too long or too deep.
 */
export function parseRecord(
  text: string,
  place: RecordPlace,
  kept: readonly string[] | undefined,
): DirectoryRecord {
  if (text.length > MAX_RECORD_LENGTH) throw tooLong(place);
  let value: FieldValue;
  try {
    value = JSON.parse(text) as FieldValue;
  } catch {
    throw malformed(text, place);
  }
  if (value === null || typeof value !== 'object' || isList(value)) throw notAnObject(place);
  if (isTooDeep(value, 1)) throw tooDeep(place);
  const isWhole = kept === undefined || text.length < SMALL_RECORD_LENGTH;
  return withoutEmpty(isWhole ? value : only(kept, value));
}

/** The one rule for emptiness, in every source: an empty text is null. Spaces are not empty. */
export function emptyToNull<Value extends FieldValue>(value: Value): Value | null {
  return value === '' ? null : value;
}

/** The error for a record that passes the cap: a brace or a quote that is never closed ends here too. */
export function tooLong(place: RecordPlace): SyncError {
  return incomplete({
    ...place,
    code: 'file.too_long',
    problem: `one record takes more than ${MAX_RECORD_LENGTH} characters`,
    mend: 'Look for a line break, a quote or a brace that is missing there, or leave the long field out.',
  });
}

function only(names: readonly string[], record: { [key: string]: FieldValue }) {
  const present = names.filter((name) => Object.hasOwn(record, name));
  // Not by assignment, which would take `__proto__` for the prototype.
  return Object.fromEntries(present.map((name) => [name, record[name] ?? null]));
}

function withoutEmpty(record: { [key: string]: FieldValue }): DirectoryRecord {
  for (const key in record) if (record[key] === '') record[key] = null;
  return record;
}

function isList(value: FieldValue): value is readonly FieldValue[] {
  return Array.isArray(value);
}

function isTooDeep(value: FieldValue, depth: number): boolean {
  if (depth > MAX_DEPTH) return true;
  const record = value as { readonly [key: string]: FieldValue };
  for (const key in record) {
    const inner = record[key];
    if (typeof inner === 'object' && inner !== null && isTooDeep(inner, depth + 1)) return true;
  }
  return false;
}

function notAnObject(place: RecordPlace): SyncError {
  return incomplete({
    ...place,
    code: 'file.malformed',
    problem: 'expected a JSON object, found another value',
    mend: 'Write each person as one object: {"field": "value", …}.',
  });
}

function tooDeep(place: RecordPlace): SyncError {
  return incomplete({
    ...place,
    code: 'file.too_deep',
    problem: `a record has lists and objects more than ${MAX_DEPTH} deep`,
    mend: 'Export flat records.',
  });
}

function malformed(text: string, place: RecordPlace): SyncError {
  const offset = faultOffset(text);
  const isCut = offset === text.length;
  const before = text.slice(0, offset);
  const line = place.line + before.split('\n').length - 1;
  const lineStart = before.lastIndexOf('\n') + 1;
  const column = lineStart === 0 ? place.column + offset : offset - lineStart + 1;
  return incomplete({
    reading: place.reading,
    line,
    column,
    code: isCut ? 'file.cut' : 'file.malformed',
    problem: isCut ? 'a record breaks off here' : 'this is no valid JSON',
    mend: 'Write the file again as a whole: under another name first, then rename it.',
  });
}

/**
 * Where JSON.parse stumbles: the length of the longest start of `text` that could still become JSON. V8 tells
 * the offset only in some of its messages, so it is searched for: log2(1 MiB) = 20 parses of a faulty record.
 */
function faultOffset(text: string): number {
  let sound = 0;
  let faulty = text.length + 1;
  while (faulty - sound > 1) {
    const middle = (sound + faulty) >> 1;
    if (couldContinue(text.slice(0, middle))) sound = middle;
    else faulty = middle;
  }
  return sound;
}

function couldContinue(start: string): boolean {
  try {
    JSON.parse(start);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const position = / at position (\d+)/.exec(message)?.[1];
    if (position !== undefined) return Number(position) >= start.length;
    return message.startsWith('Unexpected end of JSON input');
  }
}
