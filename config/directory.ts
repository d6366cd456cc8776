/** `directory`: where people come from, one schema a source. Never opens one. */
import { z } from 'zod';
import { nearest } from '../model/nearest.ts';
import { choice, flag, given, IN_SECTION, list, mismatch, oneOf, section, text, whole } from './fields.ts';
import type { Files } from './files.ts';
import { anySecret, readableFile, secret, secretFile } from './secret.ts';
import { duration, MINUTE, SECOND } from './time.ts';
import { isLoopback, ldapUrl } from './urls.ts';

type FileFormat = 'csv' | 'json' | 'ndjson';

interface FileDirectoryConfig {
  readonly type: 'file';
  /** Absolute. */
  readonly path: string;
  readonly format: FileFormat;
  /** One character; of csv alone. */
  readonly delimiter?: string;
}

interface LdapDirectoryConfig {
  readonly type: 'ldap';
  /** `ldap://host:port` or `ldaps://host`, nothing behind it. */
  readonly url: string;
  readonly bindDn?: string;
  readonly bindPassword?: string;
  readonly baseDn: string;
  readonly filter: string;
  /** Left out: all that the server shows. */
  readonly attributes?: readonly string[];
  /** Attributes that are lists, always. */
  readonly multi: readonly string[];
  readonly pageSize: number;
  /** How to ask who changed, where a sync has a `fullSchedule`. */
  readonly changes: keyof typeof CHANGES;
  readonly startTls: boolean;
  /** Absolute path of the certificates to trust. */
  readonly ca?: string;
  /** Milliseconds that one request may take. */
  readonly timeoutMs: number;
}

export type DirectoryConfig = FileDirectoryConfig | LdapDirectoryConfig;

const TYPES = ['file', 'ldap'] as const;
const CHANGES = {
  modifyTimestamp: 'any server that keeps it',
  dirSync: 'Active Directory',
  none: 'everybody is read each time',
} as const;
const BY_EXTENSION: Readonly<Record<string, FileFormat>> = {
  csv: 'csv',
  tsv: 'csv',
  txt: 'csv',
  json: 'json',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
};
const PASSWORD = 'the password of bindDn';

/** The section `directory`. */
export function directorySchema(files: Files) {
  const what = 'where people come from';
  const wrong = mismatch(what, 'a section with keys of its own');
  return z
    .discriminatedUnion('type', [fileSchema(files), ldapSchema(files)], {
      error: (issue) => {
        const { input } = issue;
        if (typeof input !== 'object' || input === null) return wrong(issue);
        const near =
          'type' in input && typeof input.type === 'string' ? nearest(input.type, TYPES) : undefined;
        return `must be one of ${TYPES.join(', ')} (the kind of directory)${near === undefined ? '' : `; did you mean ${near}?`}`;
      },
    })
    .describe(what);
}

function fileSchema(files: Files) {
  const fields = section('a file of people, UTF-8', {
    type: z.literal('file'),
    path: text('the file', 'a text with its path'),
    format: choice('the form of the file; left out: by its extension', {
      csv: '',
      json: 'an array',
      ndjson: 'an object a line',
    }).exactOptional(),
    delimiter: z
      .string({ error: 'must be one character in quotes, such as ";" (what stands between two columns)' })
      .regex(
        /^[^"\r\n\0\p{Cs}]$/u,
        'must be one character in quotes, such as ";" or "\\t", and no quote (what stands between two columns)',
      )
      .describe('what stands between two columns of a csv file; left out: a comma')
      .exactOptional(),
  });
  return fields.transform((file, context): FileDirectoryConfig => {
    const format = file.format ?? BY_EXTENSION[/\.(\w+)$/.exec(file.path)?.[1]?.toLowerCase() ?? ''];
    if (format === undefined) {
      const message = "is required: the path's extension does not tell whether it is csv, json or ndjson";
      context.addIssue({ code: 'custom', path: ['format'], message });
      return z.NEVER;
    }
    if (file.delimiter !== undefined && format !== 'csv') {
      context.addIssue({
        code: 'custom',
        path: ['delimiter'],
        message: `is for csv alone, and this file is ${format}: remove it`,
      });
    }
    return { type: 'file', path: files.absolute(file.path), format, ...given({ delimiter: file.delimiter }) };
  });
}

function ldapSchema(files: Files) {
  const attribute = text("an attribute's name", 'a text such as mail').regex(
    /^([a-z][a-z0-9-]*|\d+(\.\d+)+)(;[a-z0-9-]+)*$|^[*+]$/i,
    'must be the name of an attribute, such as mail or objectGUID',
  );
  const fields = section('a directory server', {
    type: z.literal('ldap'),
    url: ldapUrl('the directory server'),
    bindDn: text('the DN to sign in as; left out: anonymous').exactOptional(),
    bindPassword: secret(PASSWORD, anySecret).exactOptional(),
    bindPasswordFile: secretFile(PASSWORD, files, anySecret).exactOptional(),
    baseDn: text('the DN below which people are'),
    filter: text('which entries are people (RFC 4515)', 'a text such as (objectClass=person)')
      .refine(isFilterShaped, {
        error: 'must be an LDAP filter in balanced parentheses, such as (objectClass=person)',
      })
      .prefault('(objectClass=person)'),
    attributes: list('the attributes to read; left out: all', attribute).exactOptional(),
    multi: list('attributes that are lists, always', attribute, 0).prefault([]),
    pageSize: whole('entries a page', 1, 10_000).prefault(500),
    changes: choice('how to ask who changed; with fullSchedule alone', CHANGES).prefault('modifyTimestamp'),
    startTls: flag('whether ldap:// turns to TLS before signing in').prefault(false),
    ca: readableFile('a PEM file of the certificates to trust', files).exactOptional(),
    timeout: duration('how long one request may take', SECOND, 10 * MINUTE).prefault('30s'),
  });
  return fields
    .superRefine(oneOf(['bindPassword', 'bindPasswordFile']), IN_SECTION)
    .superRefine(checkBind, IN_SECTION)
    .superRefine(checkTls, IN_SECTION)
    .transform(({ bindPassword, bindPasswordFile, timeout, ...rest }): LdapDirectoryConfig => {
      if (rest.bindDn !== undefined) warnOfClearText(files, rest);
      const password = (bindPassword ?? bindPasswordFile)?.value;
      return { ...rest, ...given({ bindPassword: password }), timeoutMs: timeout };
    });
}

/** Parentheses inside values are escaped (RFC 4515 section 3), so counting them is sound. */
function isFilterShaped(filter: string): boolean {
  let depth = 0;
  for (const [index, letter] of [...filter].entries()) {
    if (letter === '(') depth++;
    if (letter === ')') depth--;
    if (depth < 1 && index < [...filter].length - 1) return false;
  }
  return depth === 0 && filter.startsWith('(');
}

interface Bind {
  readonly bindDn?: unknown;
  readonly bindPassword?: unknown;
  readonly bindPasswordFile?: unknown;
}

function checkBind(ldap: Bind, context: z.RefinementCtx): void {
  const hasPassword = 'bindPassword' in ldap || 'bindPasswordFile' in ldap;
  if (hasPassword === 'bindDn' in ldap) return;
  const path = [hasPassword ? 'bindDn' : 'bindPasswordFile'];
  const message = hasPassword
    ? 'is required: whose password this is'
    : `is required: ${PASSWORD} (or bindPassword)`;
  context.addIssue({ code: 'custom', path, message });
}

function checkTls(
  { url, startTls }: { readonly url?: unknown; readonly startTls?: unknown },
  context: z.RefinementCtx,
): void {
  if (startTls !== true || typeof url !== 'string' || !url.startsWith('ldaps:')) return;
  const message = 'is for ldap:// alone, and ldaps:// is TLS from the start: remove one of the two';
  context.addIssue({ code: 'custom', path: ['startTls'], message });
}

function warnOfClearText(
  files: Files,
  { url, startTls }: { readonly url: string; readonly startTls: boolean },
): void {
  if (url.startsWith('ldaps:') || startTls || isLoopback(new URL(url).hostname)) return;
  files.warn(`${url}: the password and all people travel unencrypted: use ldaps:// or startTls`);
}
