/**
 * Which read a reconcile makes: of everybody, or of who changed since the watermark that stands. Where the source refuses the
 * watermark, everybody is read.
 */
import {
  type ChangesPage,
  type Directory,
  type NextWatermark,
  WATERMARK_REFUSED,
} from '../directory/directory.ts';
import type { ReadKind } from '../ledger/runs.ts';
import { isSyncError } from '../model/errors.ts';

export interface Read {
  readonly kind: ReadKind;
  /** Once. @throws SyncError `incomplete` as the directory does. */
  pages(): AsyncGenerator<ChangesPage>;
  /** Once the pages have ended: from where changes are read next; nothing before, or where the source tells none. */
  next(): NextWatermark | undefined;
  /** Lets go of a read that was begun. */
  close(): Promise<void>;
}

type Pages = AsyncGenerator<ChangesPage, NextWatermark | undefined>;

/** Begins a read of changes where there is a watermark to go on from, else one of everybody. */
export async function openRead(
  directory: Directory,
  since: string | undefined,
  signal: AbortSignal,
): Promise<Read> {
  const { changes } = directory;
  if (changes === undefined) return readOf('full', everybody(directory, signal));
  if (since !== undefined) {
    const pages = changes.since(since, signal);
    const first = pages.next();
    if (!(await isRefused(first))) return readOf('changes', resumed(first, pages));
  }
  return readOf('full', changes.all(signal));
}

function readOf(kind: ReadKind, pages: Pages): Read {
  let next: NextWatermark | undefined;
  return {
    kind,
    async *pages() {
      next = yield* pages;
    },
    next: () => next,
    close: async () => void (await pages.return(undefined)),
  };
}

async function* everybody(directory: Directory, signal: AbortSignal): Pages {
  yield* directory.pages(signal);
  return undefined;
}

/** A read whose first page was asked for already: it tells whether the watermark is taken. */
async function* resumed(
  first: Promise<IteratorResult<ChangesPage, string>>,
  pages: AsyncGenerator<ChangesPage, string>,
): Pages {
  try {
    let next = await first;
    for (; !next.done; next = await pages.next()) yield next.value;
    return { watermark: next.value };
  } finally {
    await pages.return('');
  }
}

function isRefused(first: Promise<unknown>): Promise<boolean> {
  return first.then(
    () => false,
    (error: unknown) => isSyncError(error) && error.code === WATERMARK_REFUSED,
  );
}
