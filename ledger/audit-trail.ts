/**
 * Appends to this host's audit record on disk. Every process that shares a data folder writes to the same chain, under
 * a lock that dies with its holder; what is appended at once in one process goes out together.
 *
 * fsync: an entry that is `durable` is on disk, and Redis knows of it, before `append` ends (a write to Omni that is about
 * to be sent, an operator's act); the others are given to the kernel, which a kill of the process does not undo, reach
 * the disk with the next durable one, and Redis hears of them within a second, or before `close` ends.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEntry } from '../model/audit.ts';
import { createAppender } from './appender.ts';
import { type ChainKey, type Head, sealRecord } from './audit-chain.ts';
import { auditFolder } from './audit-files.ts';
import { deletable, type Place, type PlaceOptions, placeOf, turned } from './audit-place.ts';
import { type Lock, lockFolder } from './folder-lock.ts';
import { keepLock } from './kept-lock.ts';
import { shortFolder } from './short-folder.ts';

export interface TrailOptions extends PlaceOptions {
  /** Signs what is written from now on. */
  readonly key?: ChainKey;
  /** Told of every head that is worth keeping elsewhere: at the first append, and every so often. */
  readonly onHead: (head: Head) => void;
}

export interface Trail {
  /** Rejects where it could not be written, with the error of the file system. */
  append(entry: AuditEntry, durable: boolean): Promise<void>;
  /** Lets Redis know of what was appended, where it answers. Nothing is appended after it. */
  close(): Promise<void>;
}

/** Bytes that a claim of folder-lock.ts adds to a folder. */
const CLAIM_BYTES = 26;
/** How long the lock is waited for; and how long anew where that was in vain: its holder stands still, and syncing must not. */
const LOCK_WAIT_MS = 30_000;
const LOCK_AGAIN_MS = 500;
const HEAD_EVERY = 1000;
/** How long a close waits for Redis. */
const CLOSE_MS = 2_000;
const DONE = Promise.resolve();

interface Waiting {
  readonly entry: AuditEntry;
  readonly durable: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The audit record of this host. Nothing is made on disk before the first append. */
export function openTrail(options: TrailOptions): Trail {
  let waiting: Waiting[] = [];
  let working = false;
  const writer = createWriter(options);

  async function carry(batch: readonly Waiting[]): Promise<void> {
    try {
      const head = await writer.write(batch);
      // What waits is written while Redis is told.
      const noted = batch.some((one) => one.durable) ? writer.note(head) : DONE;
      for (const { durable, resolve, reject } of batch) (durable ? noted : DONE).then(resolve, reject);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  async function work(): Promise<void> {
    working = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await carry(batch);
    }
    working = false;
  }

  return {
    append(entry, durable) {
      const done = new Promise<void>((resolve, reject) => {
        waiting.push({ entry, durable, resolve, reject });
      });
      if (!working) void work();
      return done;
    },
    close: writer.close,
  };
}

function createWriter(options: TrailOptions) {
  const { heads, host, key } = options;
  const folder = auditFolder(options.dataDir);
  const appender = createAppender();
  const lock = keepLock(patiently((waitMs) => takeLock(folder, leave, waitMs)));
  let known: Place | undefined;
  let noted = 0;
  let told = 0;
  let noting: Promise<void> = DONE;

  async function note(head: Head): Promise<void> {
    noted = head.seq;
    if (head.seq >= told + HEAD_EVERY || told === 0) {
      told = head.seq;
      options.onHead(head);
    }
    await heads.note({ ...head, host, folder, at: new Date().toISOString() });
  }

  /** Redis is told of what was not durable, and not waited for: the next note makes up for a lost one. Never rejects: what had to be on disk is. */
  async function leave(): Promise<void> {
    if (known !== undefined && known.head.seq > noted) noting = note(known.head).catch(() => undefined);
    await appender.close().catch(() => undefined);
  }

  /** Where the next record goes, and which files are old enough to be deleted. */
  async function begin(others: boolean) {
    const before = (others ? undefined : known) ?? (await placeOf(options, known));
    const begun = await turned(options, before);
    const first = known === undefined || begun.path !== before.path;
    return { begun, old: first ? await deletable(options) : undefined };
  }

  return {
    note,
    async close() {
      await lock.letGo();
      const done = new AbortController();
      const waited = sleep(CLOSE_MS, undefined, { signal: done.signal }).catch(() => undefined);
      await Promise.race([noting, waited]);
      done.abort();
    },
    write: (batch: readonly Waiting[]): Promise<Head> =>
      lock.under(async (others) => {
        const { begun, old } = await begin(others);
        known = undefined;
        const records = batch.map(({ entry }) => entry);
        if (old !== undefined)
          records.push({ at: new Date().toISOString(), did: 'retention', note: String(old.upTo) });
        const { text, head } = sealAll(records, begun.head, key);
        const durable = old !== undefined || batch.some((one) => one.durable);
        const bytes = await appender.append(begun, text, durable);
        known = { path: begun.path, bytes, since: begun.since, head };
        for (const { path } of old?.files ?? []) await rm(path, { force: true });
        return head;
      }),
  };
}

function sealAll(records: readonly AuditEntry[], from: Head, key: ChainKey | undefined) {
  let [text, head] = ['', from];
  for (const record of records) {
    const sealed = sealRecord(record, head, key);
    text += `${sealed.line}\n`;
    head = sealed.head;
  }
  return { text, head };
}

/** Waits long, but not again where that was in vain, until it is had. */
function patiently(take: (waitMs: number) => Promise<Lock>): () => Promise<Lock> {
  let patienceMs = LOCK_WAIT_MS;
  return async () => {
    const waitMs = patienceMs;
    patienceMs = LOCK_AGAIN_MS;
    const taken = await take(waitMs);
    patienceMs = LOCK_WAIT_MS;
    return taken;
  };
}

/** `leave` is done before the lock is given up. */
async function takeLock(folder: string, leave: () => Promise<void>, waitMs: number): Promise<Lock> {
  const lockPlace = join(folder, 'lock');
  await mkdir(lockPlace, { recursive: true, mode: 0o700 });
  const short = await shortFolder(lockPlace, CLAIM_BYTES);
  if (short === undefined) throw new Error(`the path of ${lockPlace} is too long for a socket`);
  try {
    const { wanted, release } = await lockFolder(short.path, AbortSignal.timeout(waitMs));
    const giveUp = () => release().finally(() => short.close());
    return { wanted, release: () => leave().finally(giveUp) };
  } catch (error) {
    await short.close();
    throw error;
  }
}
