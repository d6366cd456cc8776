/** The files of the audit record: how they are called, how they are read. Never changes one. */
import { createReadStream } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ChainRecord, readRecord } from './audit-chain.ts';

/** One file: the records of one host from `from` on, up to the next file's. */
export interface AuditFile {
  readonly host: string;
  readonly from: number;
  readonly path: string;
}

/** The end of a file. */
export interface Tail {
  /** The last line that is a record; nothing where none is. */
  readonly last: ChainRecord | undefined;
  /** Bytes up to the end of the last whole line; what stands behind them is the piece of one. */
  readonly wholeBytes: number;
  readonly bytes: number;
}

const NAME = /^(.+)\.(\d{12})\.jsonl$/;
const END = 0x0a;

/** The folder of the audit record. */
export function auditFolder(dataDir: string): string {
  return join(dataDir, 'audit');
}

/** The name of the file of `host` that begins with record `from`. */
export function auditFileName(host: string, from: number): string {
  return `${host}.${String(from).padStart(12, '0')}.jsonl`;
}

/** A host's name as files bear it. */
export function fileHost(hostname: string): string {
  return hostname.toLowerCase().replace(/[^a-z0-9.-]/g, '-') || 'host';
}

/** Every file of a folder, by host, the oldest first; none where there is no folder. */
export async function auditFiles(folder: string): Promise<AuditFile[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.sort().flatMap((name) => {
    const [, host, from] = NAME.exec(name) ?? [];
    return host === undefined ? [] : [{ host, from: Number(from), path: join(folder, name) }];
  });
}

/** The lines of a file, without their ends; the last one may have none. */
export async function* linesOf(path: string): AsyncGenerator<{ text: string; ended: boolean }> {
  let rest: Buffer[] = [];
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
    let bytes = chunk as Buffer;
    for (let at = bytes.indexOf(END); at >= 0; at = bytes.indexOf(END)) {
      yield { text: Buffer.concat([...rest, bytes.subarray(0, at)]).toString(), ended: true };
      rest = [];
      bytes = bytes.subarray(at + 1);
    }
    if (bytes.length > 0) rest.push(bytes);
  }
  if (rest.length > 0) yield { text: Buffer.concat(rest).toString(), ended: false };
}

/** When the first record of a file was written, in milliseconds since 1970; undefined where that cannot be told. */
export async function sinceOf(path: string): Promise<number | undefined> {
  for await (const { text } of linesOf(path)) {
    const at = Date.parse(readRecord(text, [])?.record.at ?? '');
    return Number.isNaN(at) ? undefined : at;
  }
  return undefined;
}

/** Looks at a file from its end, a growing piece of it, until a record is found. */
export async function tailOf(path: string): Promise<Tail> {
  const handle = await open(path, 'r');
  try {
    const { size: bytes } = await handle.stat();
    for (let length = 1 << 14; ; length *= 16) {
      const from = Math.max(0, bytes - length);
      const piece = Buffer.alloc(bytes - from);
      await handle.read(piece, 0, piece.length, from);
      const wholeBytes = from + piece.lastIndexOf(END) + 1;
      const lines = piece
        .toString()
        .split('\n')
        .slice(from === 0 ? 0 : 1, -1);
      const last = lines
        .map((line) => readRecord(line, [])?.record)
        .findLast((record) => record !== undefined);
      if (last !== undefined || from === 0) return { last, wholeBytes, bytes };
    }
  } finally {
    await handle.close();
  }
}
