/** A directory in memory for worker tests: records that a test sets, in pages, with an end that it chooses. */
import type { Directory } from '../../directory/directory.ts';
import { SyncError } from '../../model/errors.ts';
import type { DirectoryRecord } from '../../model/person.ts';

export interface People {
  readonly directory: Directory;
  /** What the next read gives, page by page. `cut`: it then ends with an error instead of its end. */
  pages(pages: readonly (readonly DirectoryRecord[])[], cut?: boolean): void;
  /** One page. */
  set(records: readonly DirectoryRecord[]): void;
  /** Called before each page, with its number from 0. */
  before: (page: number) => Promise<void>;
}

/** An empty directory. */
export function createPeople(): People {
  let held: readonly (readonly DirectoryRecord[])[] = [];
  let broken = false;
  const people: People = {
    before: async () => {},
    pages(pages, cut = false) {
      held = pages;
      broken = cut;
    },
    set: (records) => people.pages([records]),
    directory: {
      name: 'people in memory',
      async *pages(signal) {
        for (const [number, page] of held.entries()) {
          await people.before(number);
          if (signal?.aborted) throw new SyncError('incomplete', 'directory.aborted', 'it was aborted');
          yield page;
        }
        if (broken) throw new SyncError('incomplete', 'directory.cut', 'it was cut off');
      },
    },
  };
  return people;
}

/** The nth person's record: id, email, name, region, status. */
export function person(n: number, change: DirectoryRecord = {}): DirectoryRecord {
  return {
    id: `E${n}`,
    email: `p${n}@acme.example`,
    name: `Person ${n}`,
    region: 'north',
    status: 'active',
    ...change,
  };
}

/** Records of persons 1 to `count`. */
export function crowd(count: number, change: DirectoryRecord = {}): DirectoryRecord[] {
  return Array.from({ length: count }, (_, i) => person(i + 1, change));
}
