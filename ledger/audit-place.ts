/** Where the next audit record goes: which file, behind which record; and which files are old enough to be deleted. */
import { randomBytes } from 'node:crypto';
import { stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { type Head, NOTHING_BEFORE } from './audit-chain.ts';
import { type AuditFile, auditFileName, auditFiles, auditFolder, sinceOf, tailOf } from './audit-files.ts';
import type { AuditHeads } from './audit-heads.ts';

export interface PlaceOptions {
  readonly dataDir: string;
  /** As auditFiles names it. */
  readonly host: string;
  readonly heads: AuditHeads;
  /** How long records are kept, in milliseconds. */
  readonly retentionMs: number;
  /** A file ends at so many bytes; 16 MiB where left out. */
  readonly fileBytes?: number;
}

const FILE_BYTES = 16 * 1024 * 1024;
const FILE_AGE_MS = 31 * 24 * 3600 * 1000;

/** Where the next record goes. */
export interface Place {
  readonly path: string;
  readonly bytes: number;
  /** When the file's first record was written. */
  readonly since: number;
  readonly head: Head;
}

/** Where the chain ends: as we left it, where nobody has written since; else as the files and Redis say. */
export async function placeOf(options: PlaceOptions, known: Place | undefined): Promise<Place> {
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

function newPlace({ dataDir, host }: PlaceOptions, head: Head): Place {
  const path = join(auditFolder(dataDir), auditFileName(host, head.seq + 1));
  return { path, bytes: 0, since: Date.now(), head };
}

/** A new file where this one is large or old enough. */
export async function turned(options: PlaceOptions, place: Place): Promise<Place> {
  const full = place.bytes >= (options.fileBytes ?? FILE_BYTES);
  const old = place.bytes > 0 && Date.now() - place.since > FILE_AGE_MS;
  return full || old ? newPlace(options, place.head) : place;
}

/** The files whose records are all older than they are kept for, and the number of the last of those records. */
export async function deletable(
  options: PlaceOptions,
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
