/**
 * A file as a directory: CSV, a JSON array or NDJSON, streamed. Never reads a file into memory as a whole, and
 * never ends quietly before the file's last byte.
 */
import { extname } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { textChunks } from './bytes.ts';
import { throwIfAborted } from './complete.ts';
import { readCsv } from './csv.ts';
import type { Directory, DirectoryPage } from './directory.ts';
import { readJsonArray } from './json-array.ts';
import { readNdjson } from './ndjson.ts';

type FileFormat = 'csv' | 'json' | 'ndjson';

export interface FileOptions {
  readonly type: 'file';
  /** Absolute, or relative to the working directory. */
  readonly path: string;
  /** Left out: by the path's extension, `.csv`, `.json`, `.ndjson` or `.jsonl`. */
  readonly format?: FileFormat | undefined;
  /** CSV only: one character that is no quote and no line break; `,` where it is left out. */
  readonly delimiter?: string | undefined;
  /**
   * The top-level fields that the mapping reads; others may be left out of the records. Left out: all are kept.
   * A CSV header without one of them makes the read incomplete. In JSON a field that is absent everywhere is null everywhere: nothing there says which fields exist.
   */
  readonly fields?: readonly string[] | undefined;
}

const FORMATS: Readonly<Record<string, FileFormat>> = {
  '.csv': 'csv',
  '.json': 'json',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
};

const READERS = { csv: readCsv, json: readJsonArray, ndjson: readNdjson } as const;

/**
 * A directory that reads one file, from its start at every read.
 * @throws SyncError `config`: `file.format`, `file.delimiter`.
 */
export function openFile(options: FileOptions): Directory {
  const name = `file ${options.path}`;
  const format = options.format ?? FORMATS[extname(options.path).toLowerCase()];
  if (format === undefined) throw unknownFormat(name);
  if (options.delimiter !== undefined) assertDelimiter(options.delimiter, name);
  return {
    name,
    pages: (signal) => readPages(READERS[format], { ...options, name }, signal),
  };
}

async function* readPages(
  reader: (typeof READERS)[FileFormat],
  options: FileOptions & { readonly name: string },
  signal: AbortSignal | undefined,
): AsyncGenerator<DirectoryPage> {
  const { name, path, delimiter, fields } = options;
  throwIfAborted(name, signal);
  const chunks = textChunks({ path, reading: name, signal });
  for await (const page of reader(chunks, { reading: name, delimiter, fields })) {
    throwIfAborted(name, signal);
    yield page;
  }
  throwIfAborted(name, signal);
}

function assertDelimiter(delimiter: string, name: string): void {
  if ([...delimiter].length === 1 && !/["\r\n\0]/.test(delimiter)) return;
  throw new SyncError(
    'config',
    'file.delimiter',
    `The delimiter of ${name} must be one character that is no quote and no line break. ` +
      'Write for example ";" or, for a tab, "\\t" in double quotes.',
  );
}

function unknownFormat(name: string): SyncError {
  return new SyncError(
    'config',
    'file.format',
    `The format of ${name} is not told by its extension (.csv, .json, .ndjson, .jsonl). Set format: csv, json or ndjson.`,
  );
}
