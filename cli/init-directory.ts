/** The questions of `omni-sync init` about the directory, put again until it can be read. */
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { z } from 'zod';
import { directorySchema } from '../config/directory.ts';
import { filesOf } from '../config/files.ts';
import type { DirectoryConfig } from '../config/schema.ts';
import { ldapUrl } from '../config/urls.ts';
import { isSyncError } from '../model/errors.ts';
import type { DirectoryRecord } from '../model/person.ts';
import { peek } from '../worker/peek.ts';
import { type Asker, oneOfThese, problemOf } from './asker.ts';
import { count, say } from './print.ts';

export const PASSWORD_FILE = 'ldap-password';
/** Records that are looked at for their fields. */
const SAMPLE = 100;

export interface AskedDirectory {
  readonly directory: Readonly<Record<string, string>>;
  readonly password: string;
  readonly records: readonly DirectoryRecord[];
}

/** Until it can be read. */
export async function askDirectory(asker: Asker, folder: string): Promise<AskedDirectory> {
  const type = await asker.ask({
    text: 'Where do people come from: file (CSV, JSON, NDJSON) or ldap (Active Directory too)',
    preset: 'file',
    problem: oneOfThese(['file', 'ldap']),
  });
  for (;;) {
    const { directory, password } = await (type === 'file' ? askFile(asker, folder) : askLdap(asker));
    const records = await tryDirectory(
      { ...directory, bindPasswordFile: '', bindPassword: password },
      folder,
    );
    if (records !== undefined) return { directory, password, records };
  }
}

async function askFile(asker: Asker, folder: string) {
  const path = await asker.ask({
    text: 'The file',
    problem: (answer) => (existsSync(resolve(answer)) ? undefined : `${resolve(answer)} does not exist`),
  });
  const beside = relative(folder, resolve(path));
  return { directory: { type: 'file', path: beside.startsWith('.') ? beside : `./${beside}` }, password: '' };
}

async function askLdap(asker: Asker) {
  const url = await asker.ask({
    text: 'The server, such as ldaps://ldap.example.com',
    problem: problemOf(ldapUrl('the server')),
  });
  const baseDn = await asker.ask({
    text: 'The DN below which people are, such as ou=people,dc=example,dc=com',
  });
  const bindDn = await asker.ask({ text: 'Whom to sign in as, a DN (empty: anonymous)', preset: '' });
  const password = bindDn === '' ? '' : await asker.ask({ text: 'The password (not shown)', secret: true });
  const filter = await asker.ask({ text: 'Which entries are people', preset: '(objectClass=person)' });
  const bindPasswordFile = password === '' ? '' : PASSWORD_FILE;
  return { directory: { type: 'ldap', url, baseDn, bindDn, bindPasswordFile, filter }, password };
}

/** Its first records; nothing where it cannot be read, which is said. */
async function tryDirectory(
  section: Readonly<Record<string, string>>,
  folder: string,
): Promise<readonly DirectoryRecord[] | undefined> {
  try {
    const given = Object.fromEntries(Object.entries(section).filter(([, value]) => value !== ''));
    const schema: z.ZodType<DirectoryConfig> = directorySchema(filesOf(folder, say));
    const records = await peek(schema.parse(given), SAMPLE);
    const fields = [...new Set(records.flatMap((record) => Object.keys(record)))];
    say(`  ${count(records.length, 'record', 'records')} looked at; fields: ${fields.join(', ') || 'none'}`);
    if (records.length > 0) return records;
    say('  it holds nobody: name another');
  } catch (error) {
    if (error instanceof z.ZodError) for (const { message } of error.issues) say(`  ${message}`);
    else if (isSyncError(error)) say(`  ${error.message}`);
    else throw error;
  }
  return undefined;
}
