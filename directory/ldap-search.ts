/**
 * A paged search (RFC 2696), page by page. A page is given out only when its result code is success, nothing in it
 * was referred elsewhere, and the server said whether more follows.
 */
import { type Filter, PagedResultsControl, type SearchEntry, SearchRequest } from 'ldapts';
import { incomplete } from './complete.ts';
import { pagingFault, referralFault, resultFault } from './ldap-faults.ts';
import type { Wire, WireAnswer } from './ldap-wire.ts';

export interface Search {
  /** The directory's name, for messages. */
  readonly reading: string;
  readonly baseDn: string;
  readonly scope: 'sub' | 'base';
  readonly filter: Filter;
  readonly attributes: readonly string[];
  readonly pageSize: number;
}

/** How many pages in a row may bring nothing: servers that filter late send some, a broken one sends them for ever. */
const MAX_EMPTY_PAGES = 100;

/**
 * Every entry of the search.
 * @throws SyncError `incomplete`: `ldap.size_limit`, `ldap.time_limit`, `ldap.referral`, `ldap.base`,
 * `ldap.paging_refused`, `ldap.paging`, `ldap.range`, `ldap.result`; WireFailure where the connection fails.
 */
export async function* searchPages(wire: Wire, search: Search): AsyncGenerator<readonly SearchEntry[]> {
  const loops = new LoopGuard(search.reading);
  let cookie: Buffer | undefined;
  let page = 0;
  do {
    page += 1;
    const answer = await wire.request((messageId) => pageRequest(messageId, search, cookie));
    cookie = checkedCookie(answer, search, page);
    loops.check(answer.entries, page);
    for (const entry of answer.entries) assertWhole(entry, search.reading, page);
    if (answer.entries.length > 0) yield answer.entries;
  } while (cookie.length > 0);
}

function pageRequest(messageId: number, search: Search, cookie: Buffer | undefined): SearchRequest {
  const value = { size: search.pageSize, ...(cookie === undefined ? {} : { cookie }) };
  return new SearchRequest({
    messageId,
    baseDN: search.baseDn,
    scope: search.scope,
    filter: search.filter,
    attributes: [...search.attributes],
    // ldapts would ask for at most ten seconds; the limit here is the wire's.
    timeLimit: 0,
    // Critical: a server that cannot page must say so.
    controls: [new PagedResultsControl({ critical: true, value })],
  });
}

/** The cookie of the next page, empty after the last, once the answer is known to be whole. */
function checkedCookie(answer: WireAnswer, search: Search, page: number): Buffer {
  const { end, entries, references } = answer;
  const { reading } = search;
  if (end.status !== 0) {
    throw resultFault(reading, 'search', { status: end.status, errorMessage: end.errorMessage, page });
  }
  if (!references.every(isWithoutPeople)) throw referralFault(reading, page);
  const control = end.controls?.find((one) => one instanceof PagedResultsControl);
  const cookie = control?.value?.cookie;
  if (cookie === undefined) throw pagingFault(reading, page, 'the server ignored the request for pages');
  if (entries.length > search.pageSize) {
    throw pagingFault(reading, page, `a page of ${search.pageSize} brought ${entries.length} entries`);
  }
  return cookie;
}

/**
 * A search from an Active Directory domain's root is always referred to these parts of the forest as well. They hold
 * configuration and DNS, no people; a referral to a child domain is none of them.
 */
function isWithoutPeople(reference: string): boolean {
  return /^ldaps?:\/\/[^/]*\/(CN=Configuration|DC=(Domain|Forest)DnsZones),DC=/i.test(reference);
}

/** Active Directory gives long lists in parts, `member;range=0-1499`: a part must not pass for the whole. */
function assertWhole(entry: SearchEntry, reading: string, page: number): void {
  const part = entry.attributes.find(({ type }) => /;range=/i.test(type));
  if (part === undefined) return;
  throw incomplete({
    code: 'ldap.range',
    reading,
    page,
    problem: `the server gave only a part of the values of ${part.type.replace(/;.*/, '')}`,
    mend: 'Leave that attribute out of attributes and of the mapping; filter by it with memberOf instead.',
  });
}

/**
 * Notices a read that goes round. A cookie that repeats is no sign (389 Directory Server repeats it by design), so
 * the first entry of each page is remembered: it never comes first twice in one read.
 */
class LoopGuard {
  readonly #reading: string;
  readonly #firsts = new Set<string>();
  #emptyPages = 0;

  constructor(reading: string) {
    this.#reading = reading;
  }

  check(entries: readonly SearchEntry[], page: number): void {
    const first = entries[0]?.name;
    this.#emptyPages = first === undefined ? this.#emptyPages + 1 : 0;
    if (this.#emptyPages > MAX_EMPTY_PAGES) {
      throw pagingFault(this.#reading, page, `${MAX_EMPTY_PAGES} pages in a row were empty`);
    }
    if (first === undefined) return;
    if (this.#firsts.has(first)) throw pagingFault(this.#reading, page, 'a page came a second time');
    this.#firsts.add(first);
  }
}
