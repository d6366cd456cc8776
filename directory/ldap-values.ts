/**
 * From an LDAP entry to a directory record: which value becomes text, number, list or a readable id. Never guesses
 * by how many values came where the configuration says `multi`.
 */
import { isUtf8 } from 'node:buffer';
import type { SearchEntry } from 'ldapts';
import type { DirectoryRecord, FieldValue } from '../model/person.ts';
import { emptyToNull } from './record.ts';

/** How attributes become fields. Keys are lower case, as LDAP's names have no case (RFC 4512, 2.5). */
export interface FieldRules {
  /** Attribute → the name under which the mapping knows it; others keep the server's spelling. */
  readonly names: ReadonlyMap<string, string>;
  /** Attributes that are always lists. */
  readonly multi: ReadonlySet<string>;
}

/** Fields that are no attributes, lower case, each with the attribute that it needs, if any. */
export const DERIVED: ReadonlyMap<string, string | undefined> = new Map([
  ['dn', undefined],
  ['accountdisabled', 'userAccountControl'],
]);

const ACCOUNT_DISABLED_BIT = 0x2;

/**
 * The entry as a record: one value is that value, several are a list (sorted, as LDAP keeps no order), none is no
 * field. `dn` is the entry's name; `accountDisabled` stands beside a numeric `userAccountControl`.
 */
export function entryRecord(entry: SearchEntry, rules: FieldRules): DirectoryRecord {
  // No prototype: the names come from a server.
  const record: Record<string, FieldValue> = Object.create(null);
  const put = (attribute: string, value: FieldValue) => {
    record[rules.names.get(attribute.toLowerCase()) ?? attribute] = value;
  };
  put('dn', entry.name);
  for (const { type, parsedBuffers } of entry.attributes) {
    const values = parsedBuffers.map((bytes) => attributeValue(type, bytes));
    if (values.length > 0) put(type, asField(values, rules.multi.has(type.toLowerCase())));
    const [first] = values;
    if (typeof first === 'number') put('accountDisabled', (first & ACCOUNT_DISABLED_BIT) !== 0);
  }
  return record;
}

/** The first value of an attribute, as bytes. */
export function firstValue({ attributes }: SearchEntry, name: string): Buffer | undefined {
  return attributes.find(({ type }) => type.toLowerCase() === name.toLowerCase())?.parsedBuffers[0];
}

function asField(values: readonly (string | number)[], isMulti: boolean): FieldValue {
  const [first] = values;
  if (values.length === 1 && first !== undefined && !isMulti) return emptyToNull(first);
  return [...values].sort((a, b) => (a < b ? -1 : 1));
}

/** Attributes whose bytes mean something else than text. */
const DECODERS = new Map<string, (bytes: Buffer) => string | number | undefined>([
  ['objectguid', microsoftGuid],
  ['objectsid', securityId],
  ['entryuuid', uuid],
  ['useraccountcontrol', wholeNumber],
]);

function attributeValue(type: string, bytes: Buffer): string | number {
  const decoded = DECODERS.get(type.toLowerCase())?.(bytes);
  if (decoded !== undefined) return decoded;
  const isText = isUtf8(bytes) && !/;binary(;|$)/i.test(type);
  return bytes.toString(isText ? 'utf8' : 'base64');
}

/** objectGUID's 16 bytes as Microsoft writes them: the first three groups are little-endian ([MS-DTYP] 2.3.4). */
export function microsoftGuid(bytes: Buffer): string | undefined {
  return bytes.length === 16 ? hyphened(swapped(bytes)) : undefined;
}

/** The bytes of a GUID as `microsoftGuid` writes it; undefined where `text` is none. */
export function guidBytes(text: string): Buffer | undefined {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return undefined;
  return swapped(Buffer.from(text.replaceAll('-', ''), 'hex'));
}

function swapped(bytes: Buffer): Buffer {
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  return Buffer.from(order.map((at) => bytes[at] ?? 0));
}

function hyphened(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** entryUUID is text by RFC 4530; some servers send its 16 bytes. One spelling either way. */
function uuid(bytes: Buffer): string | undefined {
  if (bytes.length === 16) return hyphened(bytes);
  return isUtf8(bytes) ? bytes.toString('utf8').toLowerCase() : undefined;
}

/** A SID as text, `S-1-5-21-…`: revision, authority (48 bits), then sub-authorities, little-endian ([MS-DTYP] 2.4.2). */
function securityId(bytes: Buffer): string | undefined {
  const count = bytes[1] ?? 0;
  if (bytes.length < 8 || bytes.length !== 8 + 4 * count) return undefined;
  const parts = [bytes.readUInt8(0), bytes.readUIntBE(2, 6)];
  for (let at = 8; at < bytes.length; at += 4) parts.push(bytes.readUInt32LE(at));
  return `S-${parts.join('-')}`;
}

function wholeNumber(bytes: Buffer): number | undefined {
  const text = bytes.toString('latin1');
  return /^-?\d{1,10}$/.test(text) ? Number(text) : undefined;
}
