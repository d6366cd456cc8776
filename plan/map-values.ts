/**
 * The tests that a mapped value must pass before Omni may see it.
 * Must never repeat a record's value in a reason: what it names are fields, types and sizes.
 */
import { SyncError } from '../model/errors.ts';
import type { AttributeValue, DesiredUser, FieldValue } from '../model/person.ts';

const MAX_ID_BYTES = 255;
const MAX_ADDRESS = 254;
const MAX_DISPLAY_NAME = 256;
const MAX_ATTRIBUTE_BYTES = 16_384;
const MAX_DESIRED_KIB = 256;
/** The most bytes of JSON that one character (UTF-16 unit) takes: `\\u0000`. */
const JSON_BYTES = 6;

/** Control characters, and halves of characters that no encoding can carry. */
const CONTROL = /[\p{Cc}\p{Cs}]/u;
const BROKEN = /\p{Cs}/u;
/** Besides those, what is not seen: zero-width and bidi characters, with which two addresses look like one. */
const UNSEEN = /[\s\p{Cc}\p{Cs}\p{Cf}\p{Default_Ignorable_Code_Point}]/u;
const LOCAL = /^[^()<>[\]:;,\\"@]+$/;
const DOMAIN = /^[\p{L}\p{M}\p{N}-]+(?:\.[\p{L}\p{M}\p{N}-]+)*$/u;

/** A reason why a record cannot become a desired user, of kind `refused`; the code goes into its rejection. */
export function refusal(code: string, reason: string): SyncError {
  return new SyncError('refused', code, reason);
}

/** What a value is, in a word that shows nothing of it. */
function wordFor(value: FieldValue): string {
  if (value === null) return 'nothing';
  if (typeof value === 'string') return 'text';
  if (typeof value !== 'object') return typeof value === 'boolean' ? 'true or false' : 'a number';
  return Array.isArray(value) ? 'a list' : 'an object';
}

/**
 * The directory's id of a person, as trimmed text; a whole number as decimal text.
 * @throws SyncError `refused` (`record.no-id`, `record.bad-id`).
 */
export function toSourceId(value: FieldValue): string {
  const id = idText(value);
  if (id === '') throw refusal('record.no-id', 'id is empty. Every record needs an id that never changes.');
  if (CONTROL.test(id))
    throw refusal('record.bad-id', 'id holds control characters. Mend it in the directory.');
  if (id.length * 3 > MAX_ID_BYTES && Buffer.byteLength(id) > MAX_ID_BYTES) {
    throw refusal('record.bad-id', `id is longer than ${MAX_ID_BYTES} bytes. Map a shorter field.`);
  }
  return id;
}

function idText(value: FieldValue): string {
  if (value === null) return '';
  if (typeof value === 'string') return value.trim();
  if (typeof value !== 'number') {
    throw refusal('record.bad-id', `id gave ${wordFor(value)}; it must be text or a whole number.`);
  }
  if (Number.isSafeInteger(value)) return String(value);
  const mend = 'it must be a whole number of at most 2^53-1, or text: larger numbers lose digits on the way.';
  throw refusal('record.bad-id', `id gave a number that is not exact; ${mend}`);
}

/** Whether a text is a sane address: one @ with something on either side, nothing unseen, a domain of plain labels. */
export function isAddress(text: string): boolean {
  if (text.length > MAX_ADDRESS || UNSEEN.test(text)) return false;
  const at = text.indexOf('@');
  return at > 0 && LOCAL.test(text.slice(0, at)) && DOMAIN.test(text.slice(at + 1));
}

/** @throws SyncError `refused` (`record.no-user-name`, `record.bad-user-name`). */
export function toUserName(value: FieldValue): string {
  const address = textOf(value, 'userName', 'user-name').trim();
  if (address === '')
    throw refusal('record.no-user-name', 'userName is empty; it must be an e-mail address.');
  if (isAddress(address)) return address;
  throw refusal('record.bad-user-name', `userName ${addressFault(address)}. Mend it in the directory.`);
}

function addressFault(address: string): string {
  if (address.length > MAX_ADDRESS) return `is longer than ${MAX_ADDRESS} characters`;
  if (UNSEEN.test(address))
    return 'holds a space, or a control, zero-width or direction character that is not seen';
  return 'is no e-mail address: it must have one @ with a name before it and a domain behind it';
}

/** @throws SyncError `refused` (`record.no-display-name`, `record.bad-display-name`). */
export function toDisplayName(value: FieldValue): string {
  const name = textOf(value, 'displayName', 'display-name').trim();
  if (name === '')
    throw refusal('record.no-display-name', 'displayName is empty; map a field that everyone has.');
  if (CONTROL.test(name)) throw refusal('record.bad-display-name', 'displayName holds control characters.');
  if (name.length <= MAX_DISPLAY_NAME) return name;
  throw refusal('record.bad-display-name', `displayName is longer than ${MAX_DISPLAY_NAME} characters.`);
}

function textOf(value: FieldValue, place: string, code: string): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  throw refusal(
    `record.bad-${code}`,
    `${place} gave ${wordFor(value)}; it must be text. Map a text, or use string(…).`,
  );
}

/** @throws SyncError `refused` (`record.bad-<place>`) for anything but true and false. */
export function toBoolean(value: FieldValue, place: string, code: string): boolean {
  if (typeof value === 'boolean') return value;
  const mend = 'compare, as in status == "active", or use bool(…)';
  throw refusal(`record.bad-${code}`, `${place} gave ${wordFor(value)}; it must be true or false: ${mend}.`);
}

/**
 * A mapped attribute: true and false become text (Omni's attributes are text or number), a number that would lose
 * digits becomes text, empty entries of a list are left out, a list of both becomes texts, an empty one null.
 * @throws SyncError `refused` (`record.bad-attribute`).
 */
export function toAttribute(value: FieldValue, place: string): AttributeValue {
  if (!isList(value)) return toScalar(value, place);
  const entries = value.map((entry) => toScalar(entry, place)).filter((entry) => entry !== null);
  if (entries.length === 0) return null;
  const numbers = entries.filter((entry) => typeof entry === 'number');
  return numbers.length === entries.length ? numbers : entries.map(String);
}

function isList(value: FieldValue): value is readonly FieldValue[] {
  return Array.isArray(value);
}

function toScalar(value: FieldValue, place: string): string | number | null {
  if (value === null || value === '') return null;
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return toNumber(value, place);
  if (typeof value !== 'string') {
    throw refusal(
      'record.bad-attribute',
      `${place} holds ${wordFor(value)}; Omni takes text, numbers and lists of them.`,
    );
  }
  if (BROKEN.test(value))
    throw refusal('record.bad-attribute', `${place} holds half a character: the text was cut.`);
  if (value.length * 3 > MAX_ATTRIBUTE_BYTES && Buffer.byteLength(value) > MAX_ATTRIBUTE_BYTES) {
    throw refusal('record.bad-attribute', `${place} is longer than ${MAX_ATTRIBUTE_BYTES} bytes.`);
  }
  return value;
}

function toNumber(value: number, place: string): string | number {
  if (!Number.isFinite(value))
    throw refusal('record.bad-attribute', `${place} gave a number that is not finite.`);
  if (!Number.isInteger(value)) return value;
  // `+ 0`: minus zero is zero.
  return Number.isSafeInteger(value) ? value + 0 : BigInt(value).toString();
}

/**
 * A request to Omni holds the whole desired user: one that no request can hold is refused here, by name.
 * @throws SyncError `refused` (`record.too-large`).
 */
export function assertSendable(desired: DesiredUser): void {
  const most = MAX_DESIRED_KIB * 1024;
  // What it takes is counted only where it could be too much: this is done for every record.
  if (charactersOf(desired.attributes) * JSON_BYTES < most) return;
  if (Buffer.byteLength(JSON.stringify(desired)) <= most) return;
  const mend = 'Map fewer or shorter values; the longest lists first.';
  throw refusal('record.too-large', `All that is mapped takes more than ${MAX_DESIRED_KIB} KiB. ${mend}`);
}

/** At least as many as the values hold, and some for each entry of a list: its quotes, its comma, its digits. */
function charactersOf(attributes: DesiredUser['attributes']): number {
  let characters = 0;
  for (const name in attributes) {
    const value = attributes[name] ?? null;
    for (const entry of isEntries(value) ? value : [value]) {
      characters += 5 + (typeof entry === 'string' ? entry.length : 0);
    }
  }
  return characters;
}

function isEntries(value: AttributeValue): value is readonly string[] | readonly number[] {
  return Array.isArray(value);
}
