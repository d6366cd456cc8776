/**
 * Appends to this host's audit record on disk. Every process that shares a data folder writes to the same chain, under
 * a lock that dies with its holder; what is appended at once in one process goes out together.
 *
 * fsync: an entry that is `durable` is on disk, and Redis knows of it, before `append` ends (a write to Omni that is about
 * to be sent, an operator's act); the others are given to the kernel, which a kill of the process does not undo, reach
 * the disk with the next durable one, and Redis hears of them within a second.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditEntry } from '../model/audit.ts';
import { createAppender } from './appender.ts';
import { type ChainKey, type Head, NOTHING_BEFORE, sealRecord } from './audit-chain.ts';
import { type AuditFile, auditFileName, auditFiles, auditFolder, sinceOf, tailOf } from './audit-files.ts';
import type { AuditHeads } from './audit-heads.ts';
import { type Lock, lockFolder } from './folder-lock.ts';
import { keepLock } from './kept-lock.ts';
import { shortFolder } from './short-folder.ts';

export interface TrailOptions {
  readonly dataDir: string;
  /** As auditFiles names it. */
  readonly host: string;
  readonly heads: AuditHeads;
  /** Signs what is written from now on. */
  readonly key?: ChainKey;
  /** How long records are kept, in milliseconds. */
  readonly retentionMs: number;
  /** Told of every head that is worth keeping elsewhere: at the first append, and every so often. */
  readonly onHead: (head: Head) => void;
  /** A file ends at so many bytes; 16 MiB where left out. */
  readonly fileBytes?: number;
}

export interface Trail {
  /** Rejects where it could not be written, with the error of the file system. */
  append(entry: AuditEntry, durable: boolean): Promise<void>;
}

const FILE_BYTES = 16 * 1024 * 1024;
const FILE_AGE_MS = 31 * 24 * 3600 * 1000;
/** Bytes that a claim of folder-lock.ts adds to a folder. */
const CLAIM_BYTES = 26;
const LOCK_WAIT_MS = 30_000;
const HEAD_EVERY = 1000;
const DONE = Promise.resolve();

interface Waiting {
  readonly entry: AuditEntry;
  readonly durable: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Where the next record goes. */
interface Place {
  readonly path: string;
  readonly bytes: number;
  /** When the file's first record was written. */
  readonly since: number;
  readonly head: Head;
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
  };
}

function createWriter(options: TrailOptions) {
  const { heads, host, key } = options;
  const folder = auditFolder(options.dataDir);
  const appender = createAppender();
  const lock = keepLock(() => takeLock(folder, leave));
  let known: Place | undefined;
  let noted = 0;
  let told = 0;

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
    if (known !== undefined && known.head.seq > noted) void note(known.head).catch(() => undefined);
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

/** `leave` is done before the lock is given up. */
async function takeLock(folder: string, leave: () => Promise<void>): Promise<Lock> {
  const lockPlace = join(folder, 'lock');
  await mkdir(lockPlace, { recursive: true, mode: 0o700 });
  const short = await shortFolder(lockPlace, CLAIM_BYTES);
  if (short === undefined) throw new Error(`the path of ${lockPlace} is too long for a socket`);
  try {
    const { wanted, release } = await lockFolder(short.path, AbortSignal.timeout(LOCK_WAIT_MS));
    const giveUp = () => release().finally(() => short.close());
    return { wanted, release: () => leave().finally(giveUp) };
  } catch (error) {
    await short.close();
    throw error;
  }
}

/** Where the chain ends: as we left it, where nobody has written since; else as the files and Redis say. */
async function placeOf(options: TrailOptions, known: Place | undefined): Promise<Place> {
  const folder = auditFolder(options.dataDir);
  const own = (await auditFiles(folder)).filter(({ host }) => host === options.host);
  const newest = own.at(-1);
  if (newest === undefined) return newPlace(options, newHead());
  if (known?.path === newest.path && (await stat(newest.path)).size === known.bytes) return known;
  const { wholeBytes, bytes } = await tailOf(newest.path);
  // A process died as it wrote. What it had written whole stays; that a whole record was made a piece, the head tells.
  if (wholeBytes < bytes) await truncate(newest.path, wholeBytes);
  const head = await continued(await lastOf(own), options.heads);
  const since = (await sinceOf(newest.path)) ?? Date.now();
  return { path: newest.path, bytes: wholeBytes, since, head };
}

/** The last record of the newest file that has one. */
async function lastOf(files: readonly AuditFile[]): Promise<Head> {
  for (const { path } of files.toReversed()) {
    const { last } = await tailOf(path);
    if (last !== undefined) return last;
  }
  return { ...newHead(), seq: (files.at(-1)?.from ?? 1) - 1 };
}

function newHead(): Head {
  return { trail: randomBytes(9).toString('base64url'), seq: 0, hash: NOTHING_BEFORE };
}

/**
 * The head to go on from. Where Redis has seen more than is here, or something else, the numbers of what is gone stay
 * empty: the gap is the evidence, which no later append can hide.
 */
async function continued({ trail, seq, hash }: Head, heads: AuditHeads): Promise<Head> {
  const seen = await heads.get(trail);
  if (seen === undefined || seen.seq < seq || (seen.seq === seq && seen.hash === hash))
    return { trail, seq, hash };
  return { trail, seq: Math.max(seen.seq, seq + 1), hash };
}

function newPlace({ dataDir, host }: TrailOptions, head: Head): Place {
  const path = join(auditFolder(dataDir), auditFileName(host, head.seq + 1));
  return { path, bytes: 0, since: Date.now(), head };
}

/** A new file where this one is large or old enough. */
async function turned(options: TrailOptions, place: Place): Promise<Place> {
  const full = place.bytes >= (options.fileBytes ?? FILE_BYTES);
  const old = place.bytes > 0 && Date.now() - place.since > FILE_AGE_MS;
  return full || old ? newPlace(options, place.head) : place;
}

/** The files whose records are all older than they are kept for, and the number of the last of those records. */
async function deletable(
  options: TrailOptions,
): Promise<{ readonly files: readonly AuditFile[]; readonly upTo: number } | undefined> {
  const all = await auditFiles(auditFolder(options.dataDir));
  const own = all.filter(({ host }) => host === options.host);
  const oldest = Date.now() - options.retentionMs;
  let count = 0;
  for (const next of own.slice(1)) {
    const since = await sinceOf(next.path);
    if (since === undefined || since >= oldest) break;
    count++;
  }
  const first = own[count];
  return count === 0 || first === undefined
    ? undefined
    : { files: own.slice(0, count), upTo: first.from - 1 };
}
