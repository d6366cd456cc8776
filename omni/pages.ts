/** Reads a list of accounts to its end, page by page; a list that ends early is an error, never a smaller Omni. */
import { SyncError } from '../model/errors.ts';
import type { OmniUser } from '../model/person.ts';
import type { UserPage } from './wire.ts';

/** Reads the page that begins at `startIndex`, counted from 1. */
type ReadPage = (startIndex: number) => Promise<UserPage>;

/** How many pages of a shrinking list may bring nobody new before it is given up. */
const MAX_BARREN = 5;

/** How much a list may grow while it is read: past twice its first total and so many accounts more, it has no end. */
const MOST_JOINERS = 1_000;
/** The same where the first total was already beyond belief: with 100 accounts a page, ten million. */
const MOST_PAGES = 100_000;

/**
 * Yields every account once. Omni's pages are counted from the start of a list that changes meanwhile, so:
 * - the next page begins after as many as came, however many were asked for;
 * - a total that grew is read to its new end;
 * - a total that shrank by n means that rows moved up by as many, perhaps past our place: the page is read again from n
 *   rows earlier, and who comes twice is left out;
 * - a page that brings nobody new before the end, or an end with fewer accounts than the total, is an error.
 * - a total that grows for ever is given up.
 * What is removed and added between the same two pages leaves the total as it was, and may hide one account from this read.
 * @throws SyncError `transient`: `omni.list-short` where the end was not reached, `omni.list-endless` where there is none.
 */
export async function* allPages(read: ReadPage): AsyncGenerator<readonly OmniUser[]> {
  const seen = new Set<string>();
  let start = 1;
  let total = 0;
  let most: number | undefined;
  let pages = 0;
  let barren = 0;
  let again = false;
  do {
    const page = await read(start);
    const fresh = unseen(page.users, seen);
    most ??= 2 * page.totalResults + MOST_JOINERS;
    pages += 1;
    if (seen.size > most || pages > MOST_PAGES) throw endless(seen.size);
    if (fresh.length > 0) yield fresh;
    else barren += 1;
    const shrank = total - page.totalResults;
    total = page.totalResults;
    const stuck = fresh.length === 0 && !again && shrank <= 0 && start + page.users.length <= total;
    if (stuck || barren > MAX_BARREN) throw short(seen.size, total);
    again = shrank > 0;
    start = again ? Math.max(1, start - shrank) : start + page.users.length;
  } while (start <= total);
  if (seen.size < total) throw short(seen.size, total);
}

function unseen(users: readonly OmniUser[], seen: Set<string>): readonly OmniUser[] {
  const fresh: OmniUser[] = [];
  for (const user of users) {
    if (!seen.has(user.id)) fresh.push(user);
    seen.add(user.id);
  }
  return fresh;
}

function short(seen: number, total: number): SyncError {
  const message = `Listing Omni's accounts: ${total} were announced, ${seen} came before the list ended or repeated itself.`;
  return new SyncError('transient', 'omni.list-short', message);
}

function endless(seen: number): SyncError {
  const message = `Listing Omni's accounts: ${seen} came, far more than were announced at first, and the list goes on; is omni.url the right instance?`;
  return new SyncError('transient', 'omni.list-endless', message);
}
