/**
 * The desired states that wait to be applied, by ref. A row's version is the fingerprint of its desired state:
 * writing it again changes nothing, and a worker's commit removes it only if it is unchanged.
 */
import type { Redis } from 'ioredis';
import { SyncError } from '../model/errors.ts';
import type { LeaverCause } from '../model/leaver.ts';
import type { DesiredUser } from '../model/person.ts';
import { PLAIN, type Sealed } from './envelope.ts';
import type { SyncKeys } from './keys.ts';
import { batches } from './links.ts';
import type { ScriptedRedis } from './scripts.ts';
import { writerKeys } from './writer-script.ts';

/** One person's waiting desired state. */
export interface OutboxRow {
  readonly ref: string;
  readonly sourceId: string;
  /** The fingerprint of `desired`, in base64url; of a person who is no longer wanted, `gone`. */
  readonly version: string;
  /** Absent: no longer wanted; there is nothing to do for who has no account, and `leave` says so of who has. */
  readonly desired?: DesiredUser;
  readonly protected: boolean;
  /** Take this account away: its tombstone's time has come, by a complete read that began `at`, by Redis's clock, in milliseconds. */
  readonly leave?: { readonly omniId: string; readonly cause: LeaverCause; readonly at: number };
  /** Omni is asked what the account holds: what the link remembers of it is not believed. */
  readonly readBack?: true;
  /** Why it is written, where the directory is not why: somebody changed it in Omni. */
  readonly cause?: 'drift';
  /** Take over the link of this sourceId, which is gone. */
  readonly relink?: { readonly sourceId: string; readonly ref: string };
  /** The run that found it. */
  readonly run: string;
  /** The configuration that it was worked out under, by a short hash. Absent in rows of older programs. */
  readonly stamp?: string;
  /** An account of Omni's list with the same userName, to adopt. */
  readonly account?: { readonly id: string; readonly displayName: string; readonly active: boolean };
}

export interface Outbox {
  /** Writes rows under a lease; see writer-script.ts. @throws SyncError `unsafe` where the lease has gone to another. */
  put(rows: readonly OutboxRow[], token: string): Promise<void>;
  get(ref: string): Promise<OutboxRow | undefined>;
  /** How many wait. */
  size(): Promise<number>;
  /** The refs of everyone who waits, a batch at a time, perhaps one twice. */
  refs(): AsyncGenerator<readonly string[]>;
  rows(): AsyncGenerator<readonly OutboxRow[]>;
}

const ROWS_AT_ONCE = 200;

/** The outbox of one sync. */
export function createOutbox(redis: ScriptedRedis, keys: SyncKeys, envelope = PLAIN): Outbox {
  const sealed = envelope.at(keys.outbox);
  return {
    async put(rows, token) {
      for (const batch of batches(rows, ROWS_AT_ONCE)) {
        const args = batch.flatMap((row) => [row.ref, row.version, sealed.write(row, row.ref)]);
        await redis
          .putOutbox(...writerKeys(keys), keys.outbox, keys.quarantine, token, ...args)
          .catch(throwFenced);
      }
    },
    async get(ref) {
      const text = await redis.hget(keys.outbox, ref);
      return text === null ? undefined : parseRow(ref, text, sealed);
    },
    size: () => redis.hlen(keys.outbox),
    async *refs() {
      for await (const page of scan(redis, keys.outbox)) yield page.map(([ref]) => ref);
    },
    async *rows() {
      for await (const page of scan(redis, keys.outbox))
        yield page.map(([ref, text]) => parseRow(ref, text, sealed));
    },
  };
}

/** Says that a write came too late as a SyncError `unsafe`; other errors pass. */
export function throwFenced(error: unknown): never {
  if (error instanceof Error && error.message.includes('FENCED')) {
    throw new SyncError(
      'unsafe',
      'reconcile.fenced',
      'this reconcile was overtaken by another (it lost its lease while it was paused or cut off); nothing more of it is written',
    );
  }
  throw error;
}

/** A row as the outbox keeps it: `version \n json`, or that sealed; a script compares versions. */
function parseRow(ref: string, text: string, sealed: Sealed): OutboxRow {
  return sealed.read(text.slice(text.indexOf('\n') + 1), ref) as OutboxRow;
}

/** All fields of a hash, a batch at a time; a field may come twice while the hash is resized. */
export async function* scan(redis: Redis, key: string): AsyncGenerator<[field: string, value: string][]> {
  let cursor = '0';
  do {
    const [next, flat] = await redis.hscan(key, cursor, 'COUNT', 500);
    cursor = next;
    const page: [string, string][] = [];
    for (let i = 0; i < flat.length; i += 2) page.push([flat[i] ?? '', flat[i + 1] ?? '']);
    yield page;
  } while (cursor !== '0');
}
