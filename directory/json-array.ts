/**
 * A JSON array of objects, streamed: finds where each top-level object ends and leaves the grammar within to
 * JSON.parse. Never accepts anything beside objects, commas and blanks at the top, nor an array that does not close.
 */
import type { SyncError } from '../model/errors.ts';
import type { DirectoryRecord } from '../model/person.ts';
import { emptyFile } from './bytes.ts';
import { incomplete } from './complete.ts';
import type { DirectoryPage } from './directory.ts';
import { fillPage } from './page.ts';
import { keptFields, MAX_RECORD_LENGTH, parseRecord, tooLong } from './record.ts';

interface JsonArrayOptions {
  /** The directory's name, for messages. */
  readonly reading: string;
  /** The fields that are needed; all where it is left out. */
  readonly fields?: readonly string[] | undefined;
}

/**
 * The records of a JSON array, in pages.
 * @throws SyncError `incomplete`, with line and column.
 */
export async function* readJsonArray(
  chunks: AsyncIterable<Buffer>,
  options: JsonArrayOptions,
): AsyncGenerator<DirectoryPage> {
  const splitter = new ArraySplitter(options.reading, keptFields(options.fields));
  let page = fillPage('element');
  let element = 0;
  for await (const chunk of chunks) {
    for (const { record, length } of splitter.push(chunk.toString('utf8'))) {
      element += 1;
      page.add(record, element, length);
      if (!page.isFull) continue;
      yield page.done();
      page = fillPage('element');
    }
  }
  splitter.finish();
  if (!page.isEmpty) yield page.done();
}

/** What may come next at the top level. */
type Expected = 'start' | 'first' | 'object' | 'comma' | 'end';

const EXPECTATIONS: Readonly<Record<Expected, string>> = {
  start: "'[', the start of an array",
  first: "an object or ']'",
  object: 'an object',
  comma: "',' or ']'",
  end: 'nothing more after the array',
};

const AFTER: Readonly<Record<string, Partial<Record<Expected, Expected>>>> = {
  '[': { start: 'first' },
  ']': { first: 'end', comma: 'end' },
  ',': { comma: 'object' },
};

const BLANKS = /[ \t\r\n]*/y;
const MARKS = /["[\]{}]/g;
const STRING_END = /["\\]/g;

/** A record, and how many characters it took. */
interface Element {
  readonly record: DirectoryRecord;
  readonly length: number;
}

class ArraySplitter {
  readonly #reading: string;
  readonly #kept: readonly string[] | undefined;
  #expected: Expected = 'start';
  /** Text not yet given out; while an object is open it starts with that object. */
  #text = '';
  #line = 1;
  #column = 1;
  /** How far the open object was looked through, and how deep it is there. */
  #at = 0;
  #depth = 0;
  #isInString = false;

  constructor(reading: string, kept: readonly string[] | undefined) {
    this.#reading = reading;
    this.#kept = kept;
  }

  /** The records that end in this piece of text. */
  *push(piece: string): Generator<Element> {
    this.#text += piece;
    for (;;) {
      if (this.#depth === 0 && !this.#toObject()) return;
      if (!this.#toObjectEnd()) break;
      const text = this.#text.slice(0, this.#at);
      yield { record: parseRecord(text, this.#place(), this.#kept), length: text.length };
      this.#drop(this.#at);
      this.#at = 0;
      this.#expected = 'comma';
    }
    if (this.#text.length > MAX_RECORD_LENGTH) throw tooLong(this.#place());
  }

  /** @throws SyncError `incomplete` unless the array was closed. */
  finish(): void {
    if (this.#expected === 'end') return;
    if (this.#expected === 'start') throw emptyFile(this.#reading);
    // An object that broke off is told apart by JSON.parse, to the column.
    if (this.#text !== '') parseRecord(this.#text, this.#place(), this.#kept);
    throw this.#fault('file.cut', 'the file ends here');
  }

  /** Steps over blanks, brackets and commas; true where an object starts. */
  #toObject(): boolean {
    for (;;) {
      BLANKS.lastIndex = 0;
      BLANKS.test(this.#text);
      this.#drop(BLANKS.lastIndex);
      if (this.#text === '') return false;
      const mark = this.#text.charAt(0);
      if (mark === '{' && (this.#expected === 'first' || this.#expected === 'object')) return true;
      const next = AFTER[mark]?.[this.#expected];
      if (next === undefined) throw this.#fault('file.malformed', 'something else stands here');
      this.#expected = next;
      this.#drop(1);
    }
  }

  /** Looks on for the end of the open object; `#at` stands behind it then. */
  #toObjectEnd(): boolean {
    for (;;) {
      if (this.#isInString && !this.#toStringEnd()) return false;
      const mark = this.#next(MARKS);
      if (mark === '') return false;
      if (mark === '"') this.#isInString = true;
      else this.#depth += mark === '{' || mark === '[' ? 1 : -1;
      if (this.#depth === 0) return true;
    }
  }

  #toStringEnd(): boolean {
    for (;;) {
      const mark = this.#next(STRING_END);
      if (mark === '') return false;
      if (mark === '"') {
        this.#isInString = false;
        return true;
      }
      if (this.#at === this.#text.length) {
        // What is escaped has not come yet: look at the backslash again with the next piece.
        this.#at -= 1;
        return false;
      }
      this.#at += 1;
    }
  }

  /** Moves behind the next of `marks` and returns it; to the text's end and '' where none is left. */
  #next(marks: RegExp): string {
    marks.lastIndex = this.#at;
    const isFound = marks.test(this.#text);
    this.#at = isFound ? marks.lastIndex : this.#text.length;
    return isFound ? this.#text.charAt(this.#at - 1) : '';
  }

  #drop(length: number): void {
    const dropped = this.#text.slice(0, length);
    const lastBreak = dropped.lastIndexOf('\n');
    this.#column = lastBreak === -1 ? this.#column + length : length - lastBreak;
    for (let at = dropped.indexOf('\n'); at !== -1; at = dropped.indexOf('\n', at + 1)) this.#line += 1;
    this.#text = this.#text.slice(length);
  }

  #place() {
    return { reading: this.#reading, line: this.#line, column: this.#column };
  }

  #fault(code: string, what: string): SyncError {
    return incomplete({
      ...this.#place(),
      code,
      problem: `expected ${EXPECTATIONS[this.#expected]}, but ${what}`,
      mend: 'Write the file again as one array of objects, under another name first, then rename it.',
    });
  }
}
