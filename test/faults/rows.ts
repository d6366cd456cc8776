/** The matrix of faults, read from matrix.md: docs/faults.md is written from it, and rows.test.ts looks whether its tests are there. */
import { readFileSync } from 'node:fs';

/** A file under test/, and words that the titles of its tests hold; they stand in the file as they are. */
interface Shown {
  readonly file: string;
  readonly words: readonly string[];
}

export interface Row {
  readonly number: number;
  readonly fault: string;
  readonly expected: string;
  /** The invariants that its cases are judged by. */
  readonly invariants: string;
  readonly shown: readonly Shown[];
  /** What is less than the row says, and why; empty where nothing is. */
  readonly less: string;
}

/** Every row, in order. */
export const ROWS: readonly Row[] = readFileSync(new URL('matrix.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^\| \d/.test(line))
  .map(rowOf);

function rowOf(line: string): Row {
  const [number = '', fault = '', expected = '', invariants = '', shown = '', less = ''] = line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
  return {
    number: Number(number),
    fault,
    expected,
    invariants,
    shown: shown.split('<br>').map(shownOf),
    less,
  };
}

function shownOf(text: string): Shown {
  const [file = '', ...words] = text.split(': ');
  return { file, words: words.join(': ').split('; ') };
}
