/** Reads the configuration's files: bounded, plain files alone. Never prints what is in them. */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { markOf, type SeenFile } from './watch.ts';

/** A secret, and the file that it came from where it came from one, so that it can be read again after a change. */
export interface Secret {
  readonly value: string;
  readonly source?: SeenFile;
}

/** What the schemas need of the disk: relative paths start at the configuration's folder. */
export interface Files {
  absolute(path: string): string;
  /** The absolute path of a file that can be read. @throws SyncError `config` */
  readable(path: string): string;
  /** A secret's file, without the newlines at its end. Warns where others may read it. @throws SyncError `config` */
  secret(path: string): Secret;
  warn(message: string): void;
}

const MOST_SECRET_BYTES = 64 * 1024;
const OTHERS_MAY_READ = 0o004;

/** Files relative to `folder`; each warning goes to `warn`. */
export function filesOf(folder: string, warn: (message: string) => void): Files {
  const absolute = (path: string) => resolve(folder, path);
  return {
    absolute,
    readable(path) {
      readText(absolute(path), MOST_SECRET_BYTES * 16);
      return absolute(path);
    },
    secret(path) {
      const file = absolute(path);
      const { text, othersMayRead, mark } = readText(file, MOST_SECRET_BYTES);
      const value = text.replace(/[\r\n]+$/, '');
      if (value === '') throw unreadable('is empty: put the secret into it');
      if (othersMayRead)
        warn(`${file} holds a secret and every user of this host may read it: chmod 600 ${file}`);
      return { value, source: { path: file, mark } };
    },
    warn,
  };
}

/** What a file holds. */
interface FileText {
  readonly text: string;
  readonly othersMayRead: boolean;
  /** From before it was read. */
  readonly mark: string;
}

/**
 * A file's text, UTF-8 without its byte order mark.
 * @throws SyncError `config` where it is missing, no plain file, larger than `limit` bytes, or not UTF-8. The message
 * starts with a verb, for the path to stand before it.
 */
export function readText(path: string, limit: number): FileText {
  const { bytes, stats } = readBytes(path, limit);
  if (bytes.length > limit)
    throw unreadable(`is larger than ${limit} bytes: nothing that large belongs there`);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text, othersMayRead: (stats.mode & OTHERS_MAY_READ) !== 0, mark: markOf(stats) };
  } catch {
    throw unreadable('is not UTF-8: save it as UTF-8');
  }
}

function readBytes(path: string, limit: number): { bytes: Buffer; stats: Stats } {
  const descriptor = openFile(path);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw unreadable('is no plain file: name a file');
    const buffer = Buffer.alloc(Math.min(stats.size, limit) + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(descriptor, buffer, length, buffer.length - length, null);
    }
    return { bytes: buffer.subarray(0, length), stats };
  } finally {
    closeSync(descriptor);
  }
}

function openFile(path: string): number {
  try {
    // Non-blocking, so that a named pipe is refused instead of waited for.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') throw unreadable('does not exist: create it, or correct the path');
    if (code === 'EACCES') throw unreadable('may not be read by this user: change its owner or its mode');
    throw unreadable(`cannot be opened (${String(code)})`);
  }
}

function unreadable(message: string): SyncError {
  return new SyncError('config', 'config-unreadable', message);
}
