/**
 * What can go wrong with an LDAP server, and how to mend it: one table. Never shows what the server wrote, as its
 * texts quote DNs, which hold people's names.
 */
import { isSyncError, type SyncError } from '../model/errors.ts';
import { incomplete } from './complete.ts';
import { WireFailure } from './ldap-wire.ts';

/** What was being done when it failed. */
export type LdapStep = 'connect' | 'tls' | 'bind' | 'search';

interface Fault {
  readonly code: string;
  readonly problem: string;
  readonly mend: string;
}

const PAGING: Fault = {
  code: 'ldap.paging_refused',
  problem: 'the server refused to give results in pages',
  mend: 'Allow this account paged results (in OpenLDAP: limits … size.prtotal=unlimited) or set a smaller pageSize.',
};
const BASE: Fault = {
  code: 'ldap.base',
  problem: 'the server does not know the base DN, or does not show it to this account',
  mend: 'Check baseDn, and that bindDn may read it.',
};
const REFERRAL: Fault = {
  code: 'ldap.referral',
  problem: 'the server referred to another server for some of the entries, and those were not read',
  mend: 'Ask the server that holds them (in Active Directory the global catalogue), or narrow baseDn; split the rest into a sync of its own.',
};
const SIZE: Fault = {
  code: 'ldap.size_limit',
  problem: "the server's size limit cut the result off",
  mend: 'Raise the limit for this account (in OpenLDAP: limits … size.prtotal=unlimited), or set a smaller pageSize.',
};

/** By LDAP result code (RFC 4511, 4.1.9). */
const SEARCH_RESULTS: ReadonlyMap<number, Fault> = new Map([
  [
    3,
    {
      code: 'ldap.time_limit',
      problem: "the server's time limit cut the result off",
      mend: 'Raise the time limit for this account, or index the attributes that the filter names.',
    },
  ],
  [4, SIZE],
  [10, REFERRAL],
  [
    11,
    {
      code: 'ldap.admin_limit',
      problem: 'a limit that its administrators set made the server refuse or cut off the result',
      mend: 'Allow this account paged results and enough entries (in OpenLDAP: limits … size.prtotal=unlimited).',
    },
  ],
  [12, PAGING],
  [32, BASE],
  [34, BASE],
  [53, PAGING],
]);

const CUT: Fault = {
  code: 'ldap.cut',
  problem: 'the connection ended before the answer did',
  mend: 'It is read again at the next run; if it stays, look for a proxy or an idle limit on the way.',
};
const TIMEOUT: Fault = {
  code: 'ldap.timeout',
  problem: 'no whole answer came in time',
  mend: 'Raise timeout, set a smaller pageSize, or look at the load of the server.',
};
const WIRE_FAULTS: Readonly<Record<WireFailure['code'], Fault>> = {
  cut: CUT,
  timeout: TIMEOUT,
  protocol: {
    code: 'ldap.protocol',
    problem: 'what came is no LDAP answer',
    mend: 'Check that the port is right: ldaps:// for TLS from the start (636), ldap:// for plain and StartTLS (389).',
  },
  too_large: {
    code: 'ldap.too_large',
    problem: 'one entry is larger than 16 MiB',
    mend: 'Name in attributes only what the mapping needs, so that photos and certificates stay out.',
  },
  answer_too_large: {
    code: 'ldap.page_too_large',
    problem: 'one page of entries is larger than 32 MiB',
    mend: 'Set a smaller pageSize, or name in attributes only what the mapping needs.',
  },
};

/** The error for a result code that is not success. */
export function resultFault(
  reading: string,
  step: LdapStep,
  result: { readonly status: number; readonly errorMessage: string; readonly page?: number },
): SyncError {
  const at = result.page === undefined ? {} : { page: result.page };
  if (step === 'bind') return incomplete({ reading, ...bindFault(result) });
  if (step === 'tls') return incomplete({ reading, ...tlsRefused(result.status) });
  const known = SEARCH_RESULTS.get(result.status);
  if (known !== undefined) return incomplete({ reading, ...at, ...known });
  return incomplete({
    reading,
    ...at,
    code: 'ldap.result',
    problem: `the server answered the search with result code ${result.status}`,
    mend: 'RFC 4511 section 4.1.9 names the code; the log of the server says more.',
  });
}

/** The error for search references that were not followed. */
export function referralFault(reading: string, page: number): SyncError {
  return incomplete({ reading, page, ...REFERRAL });
}

/** The error for a page whose answer breaks RFC 2696, or that came before. */
export function pagingFault(reading: string, page: number, problem: string): SyncError {
  return incomplete({
    reading,
    page,
    code: 'ldap.paging',
    problem,
    mend: 'The server does not page as RFC 2696 says: set another pageSize, or ask another server of the directory.',
  });
}

/** The error for no connection or no whole answer. SyncErrors and bugs pass through as they are. */
export function wireFault(reading: string, step: LdapStep, error: unknown): unknown {
  if (isSyncError(error)) return error;
  if (error instanceof WireFailure)
    return incomplete({ reading, ...WIRE_FAULTS[error.code], cause: error.cause });
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (code === undefined) return error;
  return incomplete({ reading, cause: error, ...(step === 'tls' ? tlsFault(code) : connectFault(code)) });
}

function bindFault(result: { readonly status: number; readonly errorMessage: string }): Fault {
  const detail = /\bdata ([0-9a-f]{1,8})\b/.exec(result.errorMessage)?.[1];
  const code = detail === undefined ? `${result.status}` : `${result.status}, data ${detail}`;
  if (result.status === 8 || result.status === 13) {
    return {
      code: 'ldap.bind',
      problem: `the server wants a safer connection for the bind (result code ${code})`,
      mend: 'Use ldaps:// or startTls: true.',
    };
  }
  return {
    code: 'ldap.bind',
    problem: `the server refused the bind (result code ${code})`,
    mend: 'Check bindDn and bindPassword, and that the account is neither locked nor expired.',
  };
}

function tlsRefused(status: number): Fault {
  return {
    code: 'ldap.tls',
    problem: `the server refused StartTLS (result code ${status})`,
    mend: 'Set up a certificate on the server, or use ldaps://.',
  };
}

function tlsFault(code: string): Fault {
  return {
    code: 'ldap.tls',
    problem: `the TLS connection was refused (${code})`,
    mend: 'The certificate must be valid today, name the host of url, and be signed by the authorities in ca or by those of the system.',
  };
}

function connectFault(code: string): Fault {
  return {
    code: 'ldap.connect',
    problem: `no connection (${code})`,
    mend: 'Check url, name resolution and firewalls.',
  };
}
