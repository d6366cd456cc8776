/**
 * How values with names, addresses and attributes are sealed before Redis keeps them: pure, and the one place that knows
 * the form. A sealed value is `~1.<id of the key>.<nonce, tag and AES-256-GCM of the text, in base64url>`, bound to where it
 * stands: moved to another key or field it is refused. Plain values are JSON, which never begins so.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { SyncError } from '../model/errors.ts';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEALED = /^~1\.([\w-]{8})\.([\w-]{38,})$/;

/** The values of one Redis key. `field` says which: of a hash its field, of a string nothing. */
export interface Sealed {
  write(value: unknown, field?: string): string;
  /** @throws SyncError `config`: `ledger.key` under a key that is not known, `ledger.moved` where it was sealed for another place, or changed. */
  read(text: string, field?: string): unknown;
}

export interface Envelope {
  /** The id of the key that seals; nothing where values are kept plain. */
  readonly sealsWith: string | undefined;
  /** Whether it opens what this key has sealed. */
  opens(keyId: string): boolean;
  at(key: string): Sealed;
  /** The same value as this envelope seals it now, or as it is where that is so already. @throws as `read` does. */
  renewed(text: string, key: string, field?: string): string;
}

interface SealKey {
  readonly id: string;
  readonly key: Buffer;
}

/** An envelope whose first secret seals, and each of which opens. Without one, values are kept plain. */
export function createEnvelope(secrets: readonly string[]): Envelope {
  const keys = secrets.map(sealKey);
  const [first] = keys;
  const seal = (text: string, place: string) => (first === undefined ? text : sealed(text, place, first));
  const open = (text: string, place: string) => opened(text, place, keys);
  return {
    sealsWith: first?.id,
    opens: (keyId) => keys.some(({ id }) => id === keyId),
    at: (key) => ({
      write: (value, field) => seal(JSON.stringify(value), placeOf(key, field)),
      read: (text, field) => JSON.parse(open(text, placeOf(key, field))) as unknown,
    }),
    renewed(text, key, field) {
      const place = placeOf(key, field);
      return SEALED.exec(text)?.[1] === first?.id ? text : seal(open(text, place), place);
    },
  };
}

/** Keeps values as they are. */
export const PLAIN = createEnvelope([]);

/** The refusal of values under a key that this process does not have. */
export function unknownKey(keyId: string): SyncError {
  return new SyncError(
    'config',
    'ledger.key',
    `Redis has values that are encrypted under the key ${keyId}, and redis.encryptionKeyFile does not hold it: add that key to the file as a further line; docs/configuration.md tells what to do where it is lost`,
  );
}

function sealKey(secret: string): SealKey {
  const derived = (what: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', secret, 'omni-directory-sync', what, bytes));
  return { id: derived('ledger key id', 6).toString('base64url'), key: derived('ledger values', 32) };
}

function placeOf(key: string, field = ''): string {
  return `${key}\0${field}`;
}

function sealed(text: string, place: string, { id, key }: SealKey): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(place));
  const secret = [cipher.update(text, 'utf8'), cipher.final()];
  return `~1.${id}.${Buffer.concat([nonce, cipher.getAuthTag(), ...secret]).toString('base64url')}`;
}

function opened(text: string, place: string, keys: readonly SealKey[]): string {
  const [, keyId, body] = SEALED.exec(text) ?? [];
  if (keyId === undefined || body === undefined) return text;
  const key = keys.find(({ id }) => id === keyId)?.key;
  if (key === undefined) throw unknownKey(keyId);
  const bytes = Buffer.from(body, 'base64url');
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(place)).setAuthTag(tag);
  try {
    const plain = [decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()];
    return Buffer.concat(plain).toString('utf8');
  } catch (error) {
    throw moved(place, error);
  }
}

/** Names the place, which has refs and ids alone. */
function moved(place: string, cause: unknown): SyncError {
  const [key, field] = place.split('\0');
  return new SyncError(
    'config',
    'ledger.moved',
    `a value in Redis was not sealed where it stands, or was changed: ${key}, field ${field}: somebody else writes to this Redis; the next reconcile that meets it, or a full resync, takes it out, and what is wanted is worked out anew`,
    { cause },
  );
}
