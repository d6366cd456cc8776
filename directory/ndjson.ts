/**
 * NDJSON: one JSON object a line, `\n` or `\r\n`, blank lines ignored. Only an object that closes counts, so a last
 * line without a line break is whole if it parses. What it can never tell: a file that was cut exactly between
 * two records from a shorter one.
 */
import { emptyFile } from './bytes.ts';
import type { DirectoryPage } from './directory.ts';
import { fillPage } from './page.ts';
import { keptFields, MAX_RECORD_LENGTH, parseRecord, tooLong } from './record.ts';

const BLANK = /^[ \t\r]*$/;
const BRACE = 0x7b;

interface NdjsonOptions {
  /** The directory's name, for messages. */
  readonly reading: string;
  /** The fields that are needed; all where it is left out. */
  readonly fields?: readonly string[] | undefined;
}

/**
 * The records of an NDJSON file, in pages.
 * @throws SyncError `incomplete`, with line and column.
 */
export async function* readNdjson(
  chunks: AsyncIterable<Buffer>,
  options: NdjsonOptions,
): AsyncGenerator<DirectoryPage> {
  const kept = keptFields(options.fields);
  let page = fillPage('line');
  let line = 0;
  for await (const batch of lineBatches(chunks, options.reading)) {
    for (const text of batch) {
      line += 1;
      if (text.charCodeAt(0) !== BRACE && BLANK.test(text)) continue;
      const record = parseRecord(text, { reading: options.reading, line, column: 1 }, kept);
      page.add(record, line, text.length);
      if (!page.isFull) continue;
      yield page.done();
      page = fillPage('line');
    }
  }
  if (!page.isEmpty) yield page.done();
}

/** Whole lines, a batch a chunk: what a promise costs is paid per chunk and not per line. */
async function* lineBatches(chunks: AsyncIterable<Buffer>, reading: string): AsyncGenerator<string[]> {
  let rest = '';
  let lines = 0;
  let isEmpty = true;
  for await (const chunk of chunks) {
    isEmpty = false;
    const batch = (rest + chunk.toString('utf8')).split('\n');
    rest = batch.pop() ?? '';
    lines += batch.length;
    yield batch;
    if (rest.length > MAX_RECORD_LENGTH) throw tooLong({ reading, line: lines + 1, column: 1 });
  }
  if (isEmpty) throw emptyFile(reading);
  yield [rest];
}
