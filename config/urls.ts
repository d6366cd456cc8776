/** Addresses of other systems: https, plain http for this host alone. Never prints one, for it may hold a password. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { text } from './fields.ts';

/** What Omni's users paste: the page that they log in at, with or without the path of its API. */
const OMNI_PATHS = /^(\/api(\/scim(\/v2)?)?)?\/*$/i;

/** Whether a host name or address is this host's own. Brackets around an IPv6 address are accepted. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

/** The problem of a URL that is fetched over HTTP, or undefined. */
function webProblem(url: URL | null): string | undefined {
  if (url === null || !/^https?:$/.test(url.protocol)) return 'must be a URL that starts with https://';
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return 'must start with https://, for plain http is for this host alone';
  return undefined;
}

const credentialsProblem = (url: URL): string | undefined =>
  url.username !== '' || url.password !== ''
    ? 'holds a user or a password: write it without them'
    : undefined;

/** Omni's address in any form that people use, as `https://host` or `https://host:port`. */
export function omniUrl(what: string) {
  return urlText(what, 'a text such as https://acme.omniapp.co', (url) => {
    const problem = webProblem(url) ?? (url === null ? undefined : credentialsProblem(url));
    if (problem !== undefined || url === null)
      return { problem: `${problem}, such as https://acme.omniapp.co` };
    if (!OMNI_PATHS.test(url.pathname) || url.search !== '' || url.hash !== '') {
      return { problem: 'has a path that is no part of its address: write it as https://acme.omniapp.co' };
    }
    return { result: url.origin };
  });
}

/** The address that browsers come to, as `https://host`. */
export function originUrl(what: string) {
  return urlText(what, 'a text such as https://sync.example.com', (url) => {
    const problem = webProblem(url) ?? (url === null ? undefined : credentialsProblem(url));
    if (problem !== undefined || url === null)
      return { problem: `${problem}, such as https://sync.example.com` };
    if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
      return {
        problem: 'has a path: this program is served at the root of a host, https://sync.example.com',
      };
    return { result: url.origin };
  });
}

/** An https address that something is posted to, kept as written. */
export function webUrl(what: string) {
  return urlText(what, 'a text such as https://hooks.example.com/…', (url, written) => {
    const problem = webProblem(url) ?? (url === null ? undefined : credentialsProblem(url));
    return problem === undefined ? { result: written } : { problem };
  });
}

/** A forward proxy, http or https; it may hold a user and a password. */
export function proxyUrl(what: string) {
  return urlText(what, 'a text such as http://proxy.example.com:3128', (url) => {
    if (url === null || !/^https?:$/.test(url.protocol) || !/^\/?$/.test(url.pathname + url.search)) {
      return { problem: 'must be a URL such as http://proxy.example.com:3128, without a path' };
    }
    return { result: url.href.replace(/\/$/, '') };
  });
}

/** A directory server, as `ldaps://host` or `ldap://host:port`. */
export function ldapUrl(what: string) {
  return urlText(what, 'a text such as ldaps://ldap.example.com', (url) => {
    if (url === null || !/^ldaps?:$/.test(url.protocol) || url.hostname === '') {
      return { problem: 'must be a URL such as ldaps://ldap.example.com' };
    }
    const credentials = credentialsProblem(url);
    if (credentials !== undefined)
      return { problem: `${credentials}, they have settings of their own, bindDn and bindPasswordFile` };
    if (!/^\/?$/.test(url.pathname + url.search + url.hash)) {
      return { problem: 'has a path: the base goes into baseDn, the filter into filter' };
    }
    return { result: `${url.protocol}//${url.host}` };
  });
}

/** A Redis server: redis://, rediss:// with TLS, or the absolute path of its socket. */
export function redisUrl(what: string) {
  return urlText(what, 'a text such as redis://redis.example.com:6379', (url, written) => {
    const isUrl = url !== null && /^rediss?:$/.test(url.protocol) && url.hostname !== '';
    if (isUrl || written.startsWith('/')) return { result: written };
    return {
      problem: "must be a URL that starts with redis:// or rediss://, or the absolute path of Redis's socket",
    };
  });
}

/** `host:port` as its two parts; IPv6 in brackets, which the host then lacks. */
export function hostPort(what: string) {
  return text(what, 'a text such as 127.0.0.1:8787').transform((written, context) => {
    const [, host = '', port = ''] = /^(\[[0-9a-f:.]+\]|[^\s:[\]/@]+):(\d{1,5})$/i.exec(written) ?? [];
    const bare = host.replace(/^\[|\]$/g, '');
    const isHost = host.startsWith('[') ? isIP(bare) === 6 : host !== '';
    if (isHost && Number(port) <= 65_535) return { host: bare, port: Number(port) };
    context.addIssue(`must be host:port, such as 127.0.0.1:8787 or [::1]:8787 (${what})`);
    return z.NEVER;
  });
}

type Verdict = { readonly result: string } | { readonly problem: string };

function urlText(what: string, form: string, judge: (url: URL | null, written: string) => Verdict) {
  return text(what, form).transform((written, context) => {
    const verdict = judge(URL.canParse(written) ? new URL(written) : null, written);
    if ('result' in verdict) return verdict.result;
    context.addIssue(`${verdict.problem} (${what})`);
    return z.NEVER;
  });
}
