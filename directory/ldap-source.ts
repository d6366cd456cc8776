/** One LDAP server as a source of entries: what its options come to, and its pages on a connection of their own. */
import type { SearchEntry } from 'ldapts';
import type { DirectoryRecord } from '../model/person.ts';
import { throwIfAborted } from './complete.ts';
import { type LdapLogin, withConnection } from './ldap-connect.ts';
import { parseFilter } from './ldap-filter.ts';
import { type LdapOptions, loginOf, refuse } from './ldap-options.ts';
import { type Search, searchPages } from './ldap-search.ts';
import { DERIVED, entryRecord, type FieldRules } from './ldap-values.ts';

const DEFAULT_PAGE_SIZE = 500;
/** What an account of a person has in common, in every schema in use. */
const DEFAULT_FILTER = '(objectClass=person)';
/** Where nothing says which: all user attributes, and the id that is operational. */
const DEFAULT_ATTRIBUTES = ['*', 'entryUUID'];
/** RFC 4511, 4.5.1.8: no attributes, only names. */
const NO_ATTRIBUTES = '1.1';

/** An LDAP directory, its options looked through. */
export interface Source {
  readonly login: LdapLogin;
  readonly search: Search;
  readonly rules: FieldRules;
}

/**
 * What `options` ask for.
 * @throws SyncError `config`: `ldap.url`, `ldap.plain`, `ldap.credentials`, `ldap.filter`, `ldap.page_size`.
 */
export function sourceOf(options: LdapOptions): Source {
  const login = loginOf(options);
  const wanted = [...(options.attributes ?? []), ...(options.fields ?? [])];
  return {
    login,
    search: {
      reading: login.reading,
      baseDn: options.baseDn,
      scope: 'sub',
      filter: parseFilter(options.filter ?? DEFAULT_FILTER),
      attributes: attributesFor(wanted),
      pageSize: pageSizeOf(options),
    },
    rules: {
      names: new Map(wanted.map((name) => [name.toLowerCase(), name])),
      multi: new Set((options.multi ?? []).map((name) => name.toLowerCase())),
    },
  };
}

function attributesFor(wanted: readonly string[]): readonly string[] {
  if (wanted.length === 0) return DEFAULT_ATTRIBUTES;
  const attributes = new Map<string, string>();
  for (const name of wanted) {
    const attribute = DERIVED.has(name.toLowerCase()) ? DERIVED.get(name.toLowerCase()) : name;
    if (attribute !== undefined) attributes.set(attribute.toLowerCase(), attribute);
  }
  return attributes.size === 0 ? [NO_ATTRIBUTES] : [...attributes.values()];
}

function pageSizeOf(options: LdapOptions): number {
  const size = options.pageSize ?? DEFAULT_PAGE_SIZE;
  if (Number.isInteger(size) && size >= 1 && size <= 10_000) return size;
  throw refuse('ldap.page_size', 'pageSize must be a whole number from 1 to 10000');
}

/** A search on a connection of its own, a page at a time. @throws SyncError `incomplete` as the connection and the search do. */
export async function* readEntries(
  { login }: Source,
  search: Search,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly SearchEntry[], void> {
  throwIfAborted(login.reading, signal);
  for await (const entries of withConnection(login, signal, (wire) => searchPages(wire, search))) {
    throwIfAborted(login.reading, signal);
    yield entries;
  }
  throwIfAborted(login.reading, signal);
}

/** The same, as records. */
export async function* readRecords(
  source: Source,
  search: Search,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly DirectoryRecord[], void> {
  for await (const entries of readEntries(source, search, signal)) {
    yield entries.map((entry) => entryRecord(entry, source.rules));
  }
}

/** `search`, asking for these attributes too. */
export function askingFor(search: Search, ...attributes: readonly string[]): Search {
  const asked = search.attributes.filter((name) => name !== NO_ATTRIBUTES);
  const known = new Set(asked.map((name) => name.toLowerCase()));
  return {
    ...search,
    attributes: [...asked, ...attributes.filter((name) => !known.has(name.toLowerCase()))],
  };
}

/** What a watermark of this source depends on: another server, base, filter or set of attributes, and it means nothing. */
export function basisOf({ login, search }: Source): string {
  return JSON.stringify([login.reading, login.bindDn, search.filter.toString(), search.attributes]);
}
