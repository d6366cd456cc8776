/** A page of a file's records, filled one by one. Costs a number a record, and no text before somebody asks for it. */
import type { DirectoryRecord } from '../model/person.ts';
import type { DirectoryPage } from './directory.ts';

export interface PageFill {
  readonly size: number;
  /** `number` counts from 1: the record's line, or which of the array it is. */
  add(record: DirectoryRecord, number: number): void;
  /** What was added, as a page. */
  done(): DirectoryPage;
}

/** An empty page whose places are called `word` and a number. */
export function fillPage(word: 'line' | 'element'): PageFill {
  const records: DirectoryRecord[] = [];
  const numbers: number[] = [];
  return {
    get size() {
      return records.length;
    },
    add(record, number) {
      records.push(record);
      numbers.push(number);
    },
    done: () => Object.assign(records, { placeOf: (index: number) => `${word} ${numbers[index]}` }),
  };
}
