/** A directory in memory for worker tests: records that a test sets, in pages, with an end that it chooses. */
import {
  type Changes,
  type ChangesPage,
  type Directory,
  type NextWatermark,
  WATERMARK_REFUSED,
} from '../../directory/directory.ts';
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
  /** From now on the directory tells who changed. */
  tell(): Told;
}

/** What a directory in memory tells of changes. Its watermarks are `w1`, `w2`, … */
export interface Told {
  basis: string;
  /** The watermarks that it was asked with. */
  readonly asked: string[];
  /** What the next reads of changes give. */
  changed(records: readonly DirectoryRecord[], gone?: readonly DirectoryRecord[]): void;
  /** What the next read of changes does instead: ends with an error after its page, or takes no watermark. */
  fails: 'cut' | 'refused' | undefined;
  /** Why a full read brings no watermark. */
  problem: string | undefined;
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
    tell() {
      const told = tellChanges(people.directory);
      Object.assign(people.directory, { changes: told.changes });
      return told;
    },
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

function tellChanges(directory: Directory): Told & { readonly changes: Changes } {
  let page: ChangesPage = [];
  let made = 0;
  const next = (): NextWatermark =>
    told.problem === undefined ? { watermark: `w${++made}` } : { problem: told.problem };
  const told: Told & { readonly changes: Changes } = {
    basis: 'as it was',
    asked: [],
    fails: undefined,
    problem: undefined,
    changed(records, gone = []) {
      page = Object.assign([...records], { gone });
    },
    changes: {
      get basis() {
        return told.basis;
      },
      async *all(signal) {
        const watermark = next();
        yield* directory.pages(signal);
        return watermark;
      },
      async *since(watermark) {
        told.asked.push(watermark);
        if (told.fails === 'refused') throw new SyncError('incomplete', WATERMARK_REFUSED, 'it has expired');
        yield page;
        if (told.fails === 'cut') throw new SyncError('incomplete', 'directory.cut', 'it was cut off');
        return `w${++made}`;
      },
    },
  };
  return told;
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
