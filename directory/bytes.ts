/**
 * The bytes of a file as whole UTF-8 text, in chunks. Vouches for what no parser can see: that the file was
 * there, was read to its last byte, did not change meanwhile, and is text. Never passes on a byte it did not check.
 */
import { isUtf8 } from 'node:buffer';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { incomplete, throwIfAborted } from './complete.ts';

const CHUNK = 256 * 1024;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const WRITE_WHOLE = 'Write the file under another name first, then rename it.';

export interface TextFile {
  readonly path: string;
  /** The directory's name, for messages. */
  readonly reading: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The file's text as UTF-8 bytes, without a byte order mark; no character is split between two chunks.
 * @throws SyncError `incomplete`: `file.missing`, `file.denied`, `file.not_regular`, `file.unreadable`,
 * `file.empty`, `file.encoding`, `file.nul`, `file.changed`.
 */
export async function* textChunks(file: TextFile): AsyncGenerator<Buffer> {
  const handle = await openRegular(file);
  try {
    const before = await handle.stat({ bigint: true });
    if (before.size === 0n) throw emptyFile(file.reading);
    const size = yield* checkedChunks(handle, file);
    await assertUnchanged(handle, file, { before, size });
  } finally {
    await handle.close();
  }
}

/** The error for a file without anything in it: never an empty directory. */
export function emptyFile(reading: string) {
  return incomplete({
    code: 'file.empty',
    reading,
    problem: 'the file is empty',
    mend: 'An export without people still has a header, or is [] in JSON, or one line break in NDJSON.',
  });
}

async function* checkedChunks(handle: FileHandle, file: TextFile): AsyncGenerator<Buffer, number> {
  let size = 0;
  let line = 1;
  let carry: Buffer = Buffer.alloc(0);
  for (;;) {
    throwIfAborted(file.reading, file.signal);
    const chunk = await readChunk(handle, file);
    const bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    const end = chunk.length === 0 ? bytes.length : wholeCharacters(bytes);
    const text = bytes.subarray(size === 0 && bytes.subarray(0, 3).equals(BOM) ? 3 : 0, end);
    carry = bytes.subarray(end);
    assertText(text, file, line);
    line += countLines(text);
    size += chunk.length;
    if (text.length > 0) yield text;
    if (chunk.length === 0) return size;
  }
}

async function openRegular(file: TextFile): Promise<FileHandle> {
  try {
    // Asked before opening: opening a pipe would wait for its writer for ever.
    if (!(await stat(file.path)).isFile()) throw notRegular(file);
    return await open(file.path, 'r');
  } catch (error) {
    throw fromSystem(error, file);
  }
}

async function readChunk(handle: FileHandle, file: TextFile): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(CHUNK);
  try {
    const { bytesRead } = await handle.read(buffer, 0, CHUNK, null);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw fromSystem(error, file);
  }
}

/** How many bytes of `bytes` are whole characters, looking at the last one's lead byte alone. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0xc0) return sequenceLength(byte) > back ? bytes.length - back : bytes.length;
    if (byte < 0x80) return bytes.length;
  }
  return bytes.length;
}

function sequenceLength(lead: number): number {
  if (lead >= 0xf0) return 4;
  return lead >= 0xe0 ? 3 : 2;
}

function assertText(text: Buffer, file: TextFile, firstLine: number): void {
  if (!isUtf8(text)) {
    throw incomplete({
      code: 'file.encoding',
      reading: file.reading,
      ...placeOf(text, firstNonUtf8(text), firstLine),
      problem: 'a byte that is no UTF-8',
      mend: 'Export the file as UTF-8.',
    });
  }
  const nul = text.indexOf(0);
  if (nul === -1) return;
  throw incomplete({
    code: 'file.nul',
    reading: file.reading,
    ...placeOf(text, nul, firstLine),
    problem: 'a NUL byte, which no text has',
    mend: 'Export the file as UTF-8 text; a copy that broke off may also leave NUL bytes.',
  });
}

/** Decoding replaces the first bad byte, so writing the text back differs from there on. */
function firstNonUtf8(bytes: Buffer): number {
  const written = Buffer.from(bytes.toString('utf8'));
  let offset = 0;
  while (offset < bytes.length && bytes[offset] === written[offset]) offset += 1;
  return offset;
}

/** Columns count from the chunk's start in the one case of a line longer than a chunk. */
function placeOf(text: Buffer, offset: number, firstLine: number): { line: number; column: number } {
  const before = text.subarray(0, offset);
  const lineStart = before.lastIndexOf(0x0a) + 1;
  return {
    line: firstLine + countLines(before),
    column: before.subarray(lineStart).toString('utf8').length + 1,
  };
}

function countLines(text: Buffer): number {
  let lines = 0;
  for (let at = text.indexOf(0x0a); at !== -1; at = text.indexOf(0x0a, at + 1)) lines += 1;
  return lines;
}

async function assertUnchanged(
  handle: FileHandle,
  file: TextFile,
  seen: { before: BigIntStats; size: number },
): Promise<void> {
  const after = await handle.stat({ bigint: true });
  const named = await stat(file.path, { bigint: true }).catch((error: unknown) => {
    throw fromSystem(error, file);
  });
  const isSame =
    BigInt(seen.size) === seen.before.size &&
    after.size === seen.before.size &&
    after.mtimeNs === seen.before.mtimeNs &&
    named.ino === seen.before.ino &&
    named.dev === seen.before.dev;
  if (isSame) return;
  throw incomplete({
    code: 'file.changed',
    reading: file.reading,
    problem: 'the file changed while it was read',
    mend: WRITE_WHOLE,
  });
}

function notRegular(file: TextFile) {
  return incomplete({
    code: 'file.not_regular',
    reading: file.reading,
    problem: 'this is a folder or a device, not a file',
    mend: 'Give the path of the file itself.',
  });
}

const SYSTEM_FAULTS: Readonly<Record<string, { code: string; problem: string; mend: string }>> = {
  ENOENT: { code: 'file.missing', problem: 'there is no such file', mend: 'Check the path.' },
  ENOTDIR: { code: 'file.missing', problem: 'there is no such folder', mend: 'Check the path.' },
  EACCES: {
    code: 'file.denied',
    problem: 'the file may not be read',
    mend: 'Let the user that runs this read it.',
  },
};

/** What the system said, as an incomplete read; anything else passes through as it is. */
function fromSystem(error: unknown, file: TextFile): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error;
  const known = SYSTEM_FAULTS[code] ?? {
    code: 'file.unreadable',
    problem: `the system answered ${code}`,
    mend: 'Check the disk or the share that the file lies on.',
  };
  return incomplete({ ...known, reading: file.reading, cause: error });
}
