/** Asking Active Directory by DirSync which entries changed since a cookie: which they are, and no more of them. */
import { type Filter, PresenceFilter, SearchRequest } from 'ldapts';
import { DirSyncControl } from './ldap-dirsync-control.ts';
import { pagingFault, resultFault } from './ldap-faults.ts';
import { firstValue } from './ldap-values.ts';
import type { Wire, WireAnswer } from './ldap-wire.ts';

/** What is asked of the whole naming context: DirSync takes no smaller base. */
export interface DirSyncQuestion {
  /** The directory's name, for messages. */
  readonly reading: string;
  readonly context: string;
  readonly filter: Filter;
  /** An entry is told of where one of these changed; none: where anything did. */
  readonly attributes: readonly string[];
  /** Empty: everything that there is. */
  readonly cookie: Buffer;
}

/** What came of it. */
export interface DirSyncTold {
  /** The LDAP result code: 0 is success, and after any other nothing else counts. */
  readonly status: number;
  /** For the next time. */
  readonly cookie: Buffer;
  /** objectGUIDs in hexadecimal. */
  readonly changed: ReadonlySet<string>;
  readonly deleted: ReadonlySet<string>;
}

/** How many answers in a row may bring nothing while the server says that more follows: it looks through other entries. */
const MAX_EMPTY_ANSWERS = 1000;

/**
 * Asks until nothing more follows. An entry may come again, as it changed while it was asked: the last word counts.
 * @throws SyncError `incomplete` (`ldap.paging`) where the server breaks the protocol; WireFailure where the connection fails.
 */
export async function askDirSync(wire: Wire, question: DirSyncQuestion): Promise<DirSyncTold> {
  const changed = new Set<string>();
  const deleted = new Set<string>();
  let { cookie } = question;
  let empty = 0;
  for (let page = 1; ; page += 1) {
    const control = new DirSyncControl(cookie);
    const answer = await wire.request((messageId) => requestOf(messageId, question, control));
    const { status } = answer.end;
    if (status !== 0) return { status, cookie, changed, deleted };
    note(answer, { changed, deleted });
    if (control.answer === undefined) {
      throw pagingFault(question.reading, page, 'the server ignored the request for DirSync');
    }
    cookie = control.answer.cookie;
    if (!control.answer.more) return { status, cookie, changed, deleted };
    empty = answer.entries.length === 0 ? empty + 1 : 0;
    if (empty <= MAX_EMPTY_ANSWERS) continue;
    throw pagingFault(question.reading, page, `${empty} answers in a row were empty`);
  }
}

function requestOf(messageId: number, question: DirSyncQuestion, control: DirSyncControl): SearchRequest {
  const { context, filter, attributes } = question;
  return new SearchRequest({
    messageId,
    baseDN: context,
    scope: 'sub',
    filter,
    attributes: [...attributes],
    timeLimit: 0,
    controls: [control],
  });
}

/** What a deletion leaves of an entry is told with `isDeleted`, [MS-ADTS] 3.1.1.5.5. */
function note({ entries }: WireAnswer, { changed, deleted }: { changed: Set<string>; deleted: Set<string> }) {
  for (const entry of entries) {
    const guid = firstValue(entry, 'objectGUID')?.toString('hex');
    if (guid === undefined) continue;
    const isDeleted = firstValue(entry, 'isDeleted')?.toString('latin1') === 'TRUE';
    (isDeleted ? changed : deleted).delete(guid);
    (isDeleted ? deleted : changed).add(guid);
  }
}

/**
 * The naming context of this server that `baseDn` is in; undefined where there is none.
 * @throws SyncError `incomplete` where the server does not tell its contexts.
 */
export async function namingContext(
  wire: Wire,
  { reading, baseDn }: { readonly reading: string; readonly baseDn: string },
): Promise<string | undefined> {
  const { end, entries } = await wire.request(
    (messageId) =>
      new SearchRequest({
        messageId,
        baseDN: '',
        scope: 'base',
        filter: new PresenceFilter({ attribute: 'objectClass' }),
        attributes: ['namingContexts'],
      }),
  );
  if (end.status !== 0) throw resultFault(reading, 'search', end);
  const contexts = entries
    .flatMap(({ attributes }) => attributes)
    .filter(({ type }) => type.toLowerCase() === 'namingcontexts')
    .flatMap(({ parsedBuffers }) => parsedBuffers.map((bytes) => bytes.toString('utf8')));
  const holding = contexts.filter((context) => isWithin(baseDn, context));
  return holding.sort((a, b) => b.length - a.length)[0];
}

function isWithin(dn: string, context: string): boolean {
  return context !== '' && `,${plainDn(dn)}`.endsWith(`,${plainDn(context)}`);
}

/** DNs are compared without case, and without the spaces that may stand around their signs (RFC 4514, 2.4). */
function plainDn(dn: string): string {
  return dn
    .replace(/\s*([,=])\s*/g, '$1')
    .trim()
    .toLowerCase();
}
