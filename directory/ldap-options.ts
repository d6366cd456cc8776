/**
 * What an LDAP directory is opened with, and the checks that need no server. Never lets through a bind that would
 * quietly see less than was meant (a name without a password is an anonymous bind, RFC 4513, 5.1.2).
 */
import { isForbiddenHost } from '../http/address.ts';
import { SyncError } from '../model/errors.ts';
import type { LdapLogin } from './ldap-connect.ts';

export interface LdapOptions {
  readonly type: 'ldap';
  /** `ldaps://host[:port]` or `ldap://host[:port]`. */
  readonly url: string;
  /** Both or neither; neither is an anonymous read. */
  readonly bindDn?: string | undefined;
  readonly bindPassword?: string | undefined;
  /** All people below it are read. */
  readonly baseDn: string;
  /** RFC 4515; `(objectClass=person)` where it is left out. */
  readonly filter?: string | undefined;
  /** What to ask for, beside `fields`. Where both are left out: all user attributes and entryUUID. */
  readonly attributes?: readonly string[] | undefined;
  /** Attributes that are lists always, however many values they have. */
  readonly multi?: readonly string[] | undefined;
  /** Entries a page, 500 where it is left out. */
  readonly pageSize?: number | undefined;
  /** How to tell who changed; left out: not at all. */
  readonly changes?: 'modifyTimestamp' | 'dirSync' | undefined;
  /** TLS on an `ldap://` connection, before anything is sent. */
  readonly startTls?: boolean | undefined;
  /** PEM text of the authorities to trust instead of the system's. */
  readonly ca?: string | undefined;
  /** For the connection and for each page, in milliseconds; 30,000 where it is left out. */
  readonly timeoutMs?: number | undefined;
  /** The fields that the mapping reads, in the spelling that it uses; `dn` and `accountDisabled` among them. */
  readonly fields?: readonly string[] | undefined;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const PORTS = { 'ldap:': 389, 'ldaps:': 636 } as const;

/**
 * Where and as whom to connect.
 * @throws SyncError `config`: `ldap.url`, `ldap.plain`, `ldap.credentials`.
 */
export function loginOf(options: LdapOptions): LdapLogin {
  const { protocol, host, port } = parseUrl(options.url);
  const { bindDn, bindPassword, ca, baseDn } = options;
  if (protocol === 'ldaps:' && options.startTls === true) {
    throw refuse('ldap.url', 'ldaps:// and startTls exclude each other; leave startTls out');
  }
  if (Boolean(bindDn) !== Boolean(bindPassword)) {
    throw refuse(
      'ldap.credentials',
      'bindDn and bindPassword go together: give both, or neither to read anonymously',
    );
  }
  const isPlain = protocol === 'ldap:' && options.startTls !== true;
  if (isPlain && bindPassword && !isLoopback(host)) {
    throw refuse('ldap.plain', 'the password would travel in plain text; use ldaps:// or startTls: true');
  }
  return {
    reading: `ldap ${protocol}//${host.includes(':') ? `[${host}]` : host}:${port} ${baseDn}`,
    host,
    port,
    security: isPlain ? 'plain' : protocol === 'ldaps:' ? 'ldaps' : 'startTls',
    ca,
    bindDn: bindDn || undefined,
    bindPassword: bindPassword || undefined,
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
  };
}

/** The error for settings of an LDAP directory that cannot be used. */
export function refuse(code: string, problem: string): SyncError {
  return new SyncError('config', code, `The settings of the LDAP directory cannot be used: ${problem}.`);
}

function parseUrl(text: string): { protocol: keyof typeof PORTS; host: string; port: number } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const protocol = url?.protocol;
  const isBare = url !== undefined && `${url.username}${url.password}${url.search}${url.hash}` === '';
  if (
    (protocol !== 'ldap:' && protocol !== 'ldaps:') ||
    !isBare ||
    !url?.hostname ||
    url.pathname.length > 1
  ) {
    throw refuse('ldap.url', 'url must be ldaps://host[:port] or ldap://host[:port], with nothing behind it');
  }
  if (isForbiddenHost(url.hostname)) {
    throw refuse(
      'ldap.url',
      'url names a link-local, unspecified or metadata address, where no directory is',
    );
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { protocol, host, port: url.port === '' ? PORTS[protocol] : Number(url.port) };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
