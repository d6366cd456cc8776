/**
 * A page of a file's records, filled one by one. Costs a number a record, and no text before somebody asks for it. Never
 * grows past a bound of records and of text, however large the records are.
 */
import type { DirectoryRecord } from '../model/person.ts';
import type { DirectoryPage } from './directory.ts';

/** A page is full with so many records, or once they took so many characters (UTF-16 units) of their file. */
const FULL = { records: 1000, length: 8 * 1024 * 1024 } as const;

export interface PageFill {
  readonly isEmpty: boolean;
  readonly isFull: boolean;
  /** `number` counts from 1: the record's line, or which of the array it is. `length`: what it took in its file. */
  add(record: DirectoryRecord, number: number, length: number): void;
  /** What was added, as a page. */
  done(): DirectoryPage;
}

/** An empty page whose places are called `word` and a number. */
export function fillPage(word: 'line' | 'element'): PageFill {
  const records: DirectoryRecord[] = [];
  const numbers: number[] = [];
  let taken = 0;
  return {
    get isEmpty() {
      return records.length === 0;
    },
    get isFull() {
      return records.length >= FULL.records || taken >= FULL.length;
    },
    add(record, number, length) {
      records.push(record);
      numbers.push(number);
      taken += length;
    },
    done: () => Object.assign(records, { placeOf: (index: number) => `${word} ${numbers[index]}` }),
  };
}
