/**
 * An LDAP server or Active Directory as a directory: paged, over verified TLS. Never asks for attributes that the
 * mapping does not need, and never sends a password in plain text beyond this machine.
 */
import type { Filter } from 'ldapts';
import type { DirectoryRecord } from '../model/person.ts';
import type { Changes, Directory, PersonQuery } from './directory.ts';
import { dirSyncChanges } from './ldap-dirsync.ts';
import { equalWithin } from './ldap-filter.ts';
import { type LdapOptions, refuse } from './ldap-options.ts';
import { readRecords, type Source, sourceOf } from './ldap-source.ts';
import { timestampChanges } from './ldap-timestamps.ts';
import { DERIVED, guidBytes } from './ldap-values.ts';

export type { LdapOptions } from './ldap-options.ts';

/**
 * A directory that reads one LDAP server, on a fresh connection at every read.
 * @throws SyncError `config`: `ldap.url`, `ldap.plain`, `ldap.credentials`, `ldap.filter`, `ldap.page_size`.
 */
export function openLdap(options: LdapOptions): Directory {
  const source = sourceOf(options);
  const { changes } = options;
  return {
    name: source.login.reading,
    pages: (signal) => readRecords(source, source.search, signal),
    find: (person, signal) => find(source, person, signal),
    ...(changes && { changes: CHANGES[changes](source) }),
  };
}

/** How an LDAP server can be asked who changed. */
const CHANGES: Readonly<Record<NonNullable<LdapOptions['changes']>, (source: Source) => Changes>> = {
  modifyTimestamp: timestampChanges,
  dirSync: dirSyncChanges,
};

async function find(
  source: Source,
  person: PersonQuery,
  signal: AbortSignal | undefined,
): Promise<readonly DirectoryRecord[]> {
  const filter = lookupFilter(source.search.filter, person);
  if (filter === undefined) return [];
  const found: DirectoryRecord[] = [];
  for await (const page of readRecords(source, { ...source.search, filter }, signal)) found.push(...page);
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
