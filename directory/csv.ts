/**
 * CSV by RFC 4180: a header, then rows of just as many columns. Stricter than the RFC in one point: the last row
 * must end with a line break, as without one nobody can tell `active` from a cut-off `activated`. Never passes
 * on a row of which that is not known.
 */
import { CsvError, type Options, Parser } from 'csv-parse';
import type { SyncError } from '../model/errors.ts';
import type { DirectoryRecord } from '../model/person.ts';
import { emptyFile } from './bytes.ts';
import { incomplete, type ReadFault } from './complete.ts';
import type { DirectoryPage } from './directory.ts';
import { fillPage } from './page.ts';
import { emptyToNull, FORBIDDEN_NAMES, MAX_RECORD_LENGTH, tooLong } from './record.ts';

export interface CsvOptions {
  /** The directory's name, for messages. */
  readonly reading: string;
  /** One character; `,` where it is left out. */
  readonly delimiter?: string | undefined;
  /** Columns that must be there; others are left out of the records. Left out: all are kept. */
  readonly fields?: readonly string[] | undefined;
}

/** A row and the line that it starts on. */
interface Row {
  readonly values: readonly string[];
  readonly line: number;
}

/** The columns of the file, and those that records are made of. */
interface Header {
  readonly columns: number;
  readonly kept: readonly { readonly name: string; readonly at: number }[];
}

const LINE_FEED = 0x0a;

/**
 * The records of a CSV file, in pages. Header names are trimmed, values are not; an empty value is null; lines
 * with nothing in them are no rows.
 * @throws SyncError `incomplete`, with line and column (the column is the row's n-th value).
 */
export async function* readCsv(
  chunks: AsyncIterable<Buffer>,
  options: CsvOptions,
): AsyncGenerator<DirectoryPage> {
  let header: Header | undefined;
  let page = fillPage('line');
  try {
    for await (const row of rows(chunks, options)) {
      if (header === undefined) {
        header = headerOf(row, options);
        continue;
      }
      page.add(toRecord(header, row, options.reading), row.line, lengthOf(row));
      if (!page.isFull) continue;
      yield page.done();
      page = fillPage('line');
    }
  } catch (error) {
    // What was read before a fault stays usable.
    if (!page.isEmpty) yield page.done();
    throw error;
  }
  if (header === undefined) throw emptyFile(options.reading);
  if (!page.isEmpty) yield page.done();
}

/** Every row, each given out only when the next one has begun or the file has ended with a line break. */
async function* rows(chunks: AsyncIterable<Buffer>, options: CsvOptions): AsyncGenerator<Row> {
  const parser = new RowParser({
    delimiter: options.delimiter ?? ',',
    // Both are named, as otherwise the first line's ending would be taken for every line's.
    record_delimiter: ['\r\n', '\n'],
    // Counted here instead, where the line is known for certain.
    relax_column_count: true,
    max_record_size: MAX_RECORD_LENGTH,
  });
  let lastByte = 0;
  let held: Row | undefined;
  const parsed = async function* (feed: Promise<Error | undefined>) {
    const fault = await feed;
    for (const row of parser.takeRows()) {
      if (held !== undefined && !isBlank(held)) yield held;
      held = row;
    }
    if (fault === undefined) return;
    // The faulty row stands behind it: it has ended.
    if (held !== undefined && !isBlank(held)) yield held;
    throw fault instanceof CsvError ? fromParser(fault, parser.line, options.reading) : fault;
  };
  for await (const chunk of chunks) {
    lastByte = chunk.at(-1) ?? lastByte;
    yield* parsed(parser.feed(chunk));
  }
  yield* parsed(parser.finish());
  if (held === undefined) return;
  if (lastByte !== LINE_FEED) throw notEnded(held, options.reading);
  if (!isBlank(held)) yield held;
}

/**
 * Keeps the rows that it has parsed until they are taken: a stream that fails throws away what it still holds. Gives
 * each row its line, since the parser's own count is off by the line breaks within quotes.
 */
class RowParser extends Parser {
  /** Where the row starts that is parsed now. */
  line = 1;
  private parsed: Row[] = [];

  constructor(options: Options) {
    super(options);
    this.on('error', () => {});
  }

  override push(values: readonly string[] | null): boolean {
    if (values === null) return super.push(null);
    this.parsed.push({ values, line: this.line });
    this.line += 1 + lineBreaks(values);
    return true;
  }

  takeRows(): readonly Row[] {
    const rows = this.parsed;
    this.parsed = [];
    return rows;
  }

  /** Parses a chunk; gives the fault that it met. */
  feed(chunk: Buffer): Promise<Error | undefined> {
    return new Promise((resolve) => this.write(chunk, (fault) => resolve(fault ?? undefined)));
  }

  finish(): Promise<Error | undefined> {
    return new Promise((resolve) => {
      this.once('error', resolve);
      this.end(() => resolve(undefined));
    });
  }
}

function isBlank(row: Row): boolean {
  return row.values.length === 1 && row.values[0] === '';
}

function lineBreaks(values: readonly string[]): number {
  let count = 0;
  for (const value of values) {
    for (let at = value.indexOf('\n'); at !== -1; at = value.indexOf('\n', at + 1)) count += 1;
  }
  return count;
}

/** What the row took in its file, without its quotes. */
function lengthOf({ values }: Row): number {
  let length = values.length;
  for (const value of values) length += value.length;
  return length;
}

function toRecord(header: Header, row: Row, reading: string): DirectoryRecord {
  const { values, line } = row;
  if (values.length !== header.columns) {
    throw incomplete({
      code: 'file.columns',
      reading,
      line,
      column: Math.min(values.length, header.columns) + 1,
      problem: `expected ${header.columns} columns as in the header, found ${values.length}`,
      mend: 'Quote values that hold the delimiter, and check that the file was written to its end.',
    });
  }
  const record: Record<string, string | null> = {};
  for (const { name, at } of header.kept) record[name] = emptyToNull(values[at] ?? '');
  return record;
}

function headerOf(row: Row, options: CsvOptions): Header {
  const names = row.values.map((name) => name.trim());
  const place = { code: 'file.header', reading: options.reading, line: row.line };
  const known = new Set<string>();
  for (const [at, name] of names.entries()) {
    const fault = nameFault(name, known.has(name));
    if (fault !== undefined) throw incomplete({ ...place, column: at + 1, ...fault });
    known.add(name);
  }
  const missing = (options.fields ?? []).filter((field) => !known.has(field));
  if (missing.length > 0) throw incomplete({ ...place, ...missingFault(missing, names.length) });
  const wanted = new Set(options.fields ?? names);
  const all = names.map((name, at) => ({ name, at }));
  return { columns: names.length, kept: all.filter(({ name }) => wanted.has(name)) };
}

function nameFault(name: string, isTwice: boolean): Pick<ReadFault, 'problem' | 'mend'> | undefined {
  if (name === '') return { problem: 'a column has no name', mend: 'Name every column in the first line.' };
  if (/[\r\n]/.test(name)) {
    return { problem: 'a column name holds a line break', mend: 'End lines with LF or CR LF.' };
  }
  if (isTwice) return { problem: 'a column name comes twice', mend: 'Give each column its own name.' };
  if (!FORBIDDEN_NAMES.includes(name)) return undefined;
  return { problem: `a column is named ${name}, which is refused`, mend: 'Rename that column.' };
}

function missingFault(missing: readonly string[], columns: number) {
  const hint = columns === 1 ? ' The header has one column: is the delimiter right?' : '';
  return {
    code: 'file.field_missing',
    problem: `the header lacks ${missing.map((name) => JSON.stringify(name)).join(', ')}, which the mapping needs`,
    mend: `Export these columns, or correct the mapping.${hint}`,
  };
}

function notEnded(row: Row, reading: string): SyncError {
  return incomplete({
    code: 'file.cut',
    reading,
    line: row.line,
    column: row.values.length,
    problem: 'the last row does not end with a line break, so it may be cut off',
    mend: 'End the last row with a line break.',
  });
}

const QUOTE_MEND = 'Put quotes around the whole value and double the quotes within it (RFC 4180).';

/** The parser's errors quote what they read, so they are named anew. `line` is where the faulty row starts. */
function fromParser(error: CsvError, line: number, reading: string): SyncError {
  const index = typeof error.index === 'number' ? error.index : 0;
  const place = { reading, line, column: index + 1 };
  if (error.code === 'CSV_MAX_RECORD_SIZE') return tooLong(place);
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') {
    const problem = 'the file ends within a quoted value that starts in this row';
    return incomplete({ ...place, code: 'file.cut', problem, mend: QUOTE_MEND });
  }
  const problem = 'a quote stands where none may stand';
  return incomplete({ ...place, code: 'file.malformed', problem, mend: QUOTE_MEND });
}
