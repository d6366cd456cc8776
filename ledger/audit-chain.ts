/**
 * The chain of the audit record: pure, and the one place that knows a line. A record is one line of JSON whose last
 * field is the hash of all the bytes before it, and which names the hash of the record before it. So no record can be
 * changed, taken out, put in or moved without a later one saying so. With a key the hash is an HMAC: who has the file
 * and not the key cannot make a chain anew.
 */
import { createHash, createHmac, hkdfSync } from 'node:crypto';
import type { AuditEntry } from '../model/audit.ts';

/** Where a chain has come to. */
export interface Head {
  /** The chain's own name, made with its first record. */
  readonly trail: string;
  /** Of the last record; 0: there is none. */
  readonly seq: number;
  readonly hash: string;
}

/** A key that records are signed with. */
export interface ChainKey {
  readonly id: string;
  readonly key: Buffer;
}

/** A record as it was written. */
export interface ChainRecord extends AuditEntry, Head {
  readonly prev: string;
  /** The id of its key. */
  readonly key?: string;
}

/** What the first record of a chain names as the one before it. */
export const NOTHING_BEFORE = '0'.repeat(43);

const LINE = /^(\{.*),"hash":"([\w-]{43})"\}$/;

/** The key of the chain that is made of a secret. */
export function chainKey(secret: string): ChainKey {
  const derived = (what: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', secret, 'omni-directory-sync', what, bytes));
  return { id: derived('audit key id', 6).toString('base64url'), key: derived('audit chain', 32) };
}

/** The next record's line, without its end of line, and the head that it makes. */
export function sealRecord(
  entry: AuditEntry,
  head: Head,
  key?: ChainKey,
): { readonly line: string; readonly head: Head } {
  const { trail } = head;
  const seq = head.seq + 1;
  const signed = key === undefined ? {} : { key: key.id };
  const body = JSON.stringify({ trail, seq, ...entry, prev: head.hash, ...signed }).slice(0, -1);
  const hash = hashOf(body, key);
  return { line: `${body},"hash":"${hash}"}`, head: { trail, seq, hash } };
}

/** What a line says, and whether its own hash is right; nothing where it is no record at all. */
export function readRecord(
  line: string,
  keys: readonly ChainKey[],
): { readonly record: ChainRecord; readonly sound: boolean | 'unknownKey' } | undefined {
  const [, body, hash] = LINE.exec(line) ?? [];
  const record = body === undefined ? undefined : parsed(line);
  if (body === undefined || record === undefined) return undefined;
  if (record.key === undefined) return { record, sound: hash === hashOf(body) };
  const key = keys.find(({ id }) => id === record.key);
  return { record, sound: key === undefined ? 'unknownKey' : hash === hashOf(body, key) };
}

function parsed(line: string): ChainRecord | undefined {
  try {
    const record = JSON.parse(line) as Partial<ChainRecord>;
    const whole = Number.isSafeInteger(record.seq) && typeof record.trail === 'string';
    return whole && typeof record.prev === 'string' ? (record as ChainRecord) : undefined;
  } catch {
    return undefined;
  }
}

function hashOf(body: string, key?: ChainKey): string {
  const hash = key === undefined ? createHash('sha256') : createHmac('sha256', key.key);
  return hash.update(body).digest('base64url');
}
