/**
 * Who changed in Active Directory, by DirSync: its cookie says what was seen, and deletions come with it. What changed of an
 * entry comes without the rest of it: each is read again, whole, within the directory's own base and filter. One that is
 * not found there any more is gone.
 */
import { AndFilter, EqualityFilter, type Filter, OrFilter, PresenceFilter, type SearchEntry } from 'ldapts';
import { incomplete, throwIfAborted } from './complete.ts';
import {
  type Changes,
  type ChangesPage,
  type DirectoryPage,
  type NextWatermark,
  WATERMARK_REFUSED,
} from './directory.ts';
import { withConnection } from './ldap-connect.ts';
import { askDirSync, type DirSyncQuestion, namingContext } from './ldap-dirsync-ask.ts';
import { attributesIn } from './ldap-filter.ts';
import { searchPages } from './ldap-search.ts';
import { askingFor, basisOf, readRecords, type Source } from './ldap-source.ts';
import { entryRecord, firstValue, microsoftGuid } from './ldap-values.ts';
import type { Wire } from './ldap-wire.ts';

const GUID = 'objectGUID';
/** No entry has this class: what is wanted of such a request is its cookie. */
const NOBODY = new EqualityFilter({ attribute: 'objectClass', value: 'nobody' });
/** Who left the directory's own filter must be told of too. */
const ANYBODY = new PresenceFilter({ attribute: 'objectClass' });
const GUIDS_AT_ONCE = 100;

/** Changes by DirSync. */
export function dirSyncChanges(source: Source): Changes {
  return {
    basis: `dirSync ${basisOf(source)}`,
    all: (signal) => everybody(source, signal),
    since: (watermark, signal) => changedSince(source, watermark, signal),
  };
}

async function* everybody(
  source: Source,
  signal: AbortSignal | undefined,
): AsyncGenerator<DirectoryPage, NextWatermark> {
  throwIfAborted(source.login.reading, signal);
  let next: NextWatermark = { problem: problemOf(source, 'brought no cookie') };
  for await (const first of withConnection(source.login, signal, (wire) => firstCookie(wire, source))) {
    next = first;
  }
  yield* readRecords(source, source.search, signal);
  return next;
}

async function* firstCookie(wire: Wire, source: Source): AsyncGenerator<NextWatermark> {
  const question = await questionOf(wire, source, NOBODY);
  if (question === undefined) {
    yield { problem: problemOf(source, 'has no naming context that baseDn is in') };
    return;
  }
  const { status, cookie } = await askDirSync(wire, question);
  yield status === 0
    ? { watermark: cookie.toString('base64') }
    : { problem: problemOf(source, `refuses DirSync (result code ${status})`) };
}

async function* changedSince(
  source: Source,
  watermark: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ChangesPage, string> {
  const { login } = source;
  throwIfAborted(login.reading, signal);
  const next = yield* withConnection(login, signal, (wire) => changed(wire, source, watermark));
  throwIfAborted(login.reading, signal);
  return next;
}

async function* changed(wire: Wire, source: Source, watermark: string): AsyncGenerator<ChangesPage, string> {
  const question = await questionOf(wire, source, ANYBODY);
  if (question === undefined) throw refused(source, 'the naming context is not there');
  const cookie = Buffer.from(watermark, 'base64');
  // An empty one would bring everything that was ever deleted.
  if (cookie.length === 0) throw refused(source, 'the watermark is no cookie');
  const told = await askDirSync(wire, { ...question, cookie });
  if (told.status !== 0)
    throw refused(source, `the server takes the cookie no more (result code ${told.status})`);
  if (told.deleted.size > 0) yield pageOf([], [...told.deleted], source);
  const guids = [...told.changed];
  for (let at = 0; at < guids.length; at += GUIDS_AT_ONCE) {
    yield await readAgain(wire, source, guids.slice(at, at + GUIDS_AT_ONCE));
  }
  return told.cookie.toString('base64');
}

async function questionOf(
  wire: Wire,
  { search }: Source,
  filter: Filter,
): Promise<DirSyncQuestion | undefined> {
  const context = await namingContext(wire, search);
  if (context === undefined) return undefined;
  const { reading } = search;
  return { reading, context, filter, attributes: askedOf(search), cookie: Buffer.alloc(0) };
}

/** What makes a difference to a record, or to whether there is one: an entry that moves changes its `name`. */
function askedOf({ filter, attributes }: Source['search']): readonly string[] {
  const deciding = attributesIn(filter);
  if (deciding === undefined || attributes.some((name) => name === '*' || name === '+')) return [];
  return [...new Set([...attributes, ...deciding, GUID, 'isDeleted', 'name'])];
}

/** These entries as they are now, and those of them that the directory does not show any more. */
async function readAgain(wire: Wire, source: Source, guids: readonly string[]): Promise<ChangesPage> {
  const wanted = guids.map(
    (guid) => new EqualityFilter({ attribute: GUID, value: Buffer.from(guid, 'hex') }),
  );
  const filter = new AndFilter({ filters: [source.search.filter, new OrFilter({ filters: wanted })] });
  const found: SearchEntry[] = [];
  for await (const entries of searchPages(wire, { ...askingFor(source.search, GUID), filter })) {
    found.push(...entries);
  }
  const there = new Set(found.map((entry) => firstValue(entry, GUID)?.toString('hex')));
  return pageOf(
    found,
    guids.filter((guid) => !there.has(guid)),
    source,
  );
}

/** Of who is gone the objectGUID is left, and nothing else that could make an id. */
function pageOf(entries: readonly SearchEntry[], gone: readonly string[], { rules }: Source): ChangesPage {
  const name = rules.names.get(GUID.toLowerCase()) ?? GUID;
  const left = gone.map((guid) => ({ [name]: microsoftGuid(Buffer.from(guid, 'hex')) ?? null }));
  return Object.assign(
    entries.map((entry) => entryRecord(entry, rules)),
    { gone: left },
  );
}

function problemOf({ login }: Source, what: string): string {
  return `Reading changes of ${login.reading}: the server ${what}, so everybody is read each time. Ask a domain controller of Active Directory for DirSync, others by changes: modifyTimestamp, or set changes to none.`;
}

function refused({ login }: Source, problem: string) {
  return incomplete({
    code: WATERMARK_REFUSED,
    reading: login.reading,
    problem,
    mend: 'Everybody is read instead.',
  });
}
