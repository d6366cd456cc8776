/**
 * An LDAP server or Active Directory as a directory: paged, over verified TLS. Never asks for attributes that the
 * mapping does not need, and never sends a password in plain text beyond this machine.
 */
import type { Filter } from 'ldapts';
import type { DirectoryRecord } from '../model/person.ts';
import { throwIfAborted } from './complete.ts';
import type { Directory, PersonQuery } from './directory.ts';
import { type LdapLogin, withConnection } from './ldap-connect.ts';
import { equalWithin, parseFilter } from './ldap-filter.ts';
import { type LdapOptions, loginOf, refuse } from './ldap-options.ts';
import { type Search, searchPages } from './ldap-search.ts';
import { DERIVED, entryRecord, type FieldRules, guidBytes } from './ldap-values.ts';

export type { LdapOptions } from './ldap-options.ts';

const DEFAULT_PAGE_SIZE = 500;
/** What an account of a person has in common, in every schema in use. */
const DEFAULT_FILTER = '(objectClass=person)';
/** Where nothing says which: all user attributes, and the id that is operational. */
const DEFAULT_ATTRIBUTES = ['*', 'entryUUID'];
/** RFC 4511, 4.5.1.8: no attributes, only names. */
const NO_ATTRIBUTES = '1.1';

interface Source {
  readonly login: LdapLogin;
  readonly search: Search;
  readonly rules: FieldRules;
}

/**
 * A directory that reads one LDAP server, on a fresh connection at every read.
 * @throws SyncError `config`: `ldap.url`, `ldap.plain`, `ldap.credentials`, `ldap.filter`, `ldap.page_size`.
 */
export function openLdap(options: LdapOptions): Directory {
  const source = sourceOf(options);
  return {
    name: source.login.reading,
    pages: (signal) => read(source, source.search, signal),
    find: (person, signal) => find(source, person, signal),
  };
}

function sourceOf(options: LdapOptions): Source {
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

async function* read(
  source: Source,
  search: Search,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly DirectoryRecord[]> {
  const { login, rules } = source;
  throwIfAborted(login.reading, signal);
  for await (const entries of withConnection(login, signal, (wire) => searchPages(wire, search))) {
    throwIfAborted(login.reading, signal);
    yield entries.map((entry) => entryRecord(entry, rules));
  }
  throwIfAborted(login.reading, signal);
}

async function find(
  source: Source,
  person: PersonQuery,
  signal: AbortSignal | undefined,
): Promise<readonly DirectoryRecord[]> {
  const filter = lookupFilter(source.search.filter, person);
  if (filter === undefined) return [];
  const found: DirectoryRecord[] = [];
  for await (const page of read(source, { ...source.search, filter }, signal)) found.push(...page);
  return found;
}

/** Undefined where `value` cannot be anybody's `field`. */
function lookupFilter(filter: Filter, { field, value }: PersonQuery): Filter | undefined {
  const attribute = field.toLowerCase();
  if (DERIVED.has(attribute)) {
    throw refuse('ldap.find_field', `an LDAP server cannot be asked for a person by ${field}`);
  }
  if (value === '') return undefined;
  if (attribute !== 'objectguid') return equalWithin(filter, field, value);
  const bytes = guidBytes(value);
  return bytes === undefined ? undefined : equalWithin(filter, field, bytes);
}
