/**
 * Browser sessions, kept by the browser alone: a cookie that names a token and is signed with a key made from it. So replicas
 * with the same tokens take each other's sessions, and a token that is changed or removed ends every session of it. Pure.
 */
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { KnownToken } from './tokens.ts';

/** How long a browser stays signed in, in milliseconds. */
export const SESSION_MS = 12 * 3600 * 1000;

export interface Session {
  readonly token: KnownToken;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** What every write of the session must name beside the cookie. */
  readonly csrf: string;
}

/** Opens one. `cookie` is its value. */
export function openSession(token: KnownToken, now: number): Session & { readonly cookie: string } {
  const expiresAt = now + SESSION_MS;
  const said = JSON.stringify([token.name, expiresAt, randomBytes(16).toString('base64url')]);
  const payload = Buffer.from(said).toString('base64url');
  const cookie = `${payload}.${signature(token, 'session', payload)}`;
  return { token, expiresAt, csrf: signature(token, 'csrf', payload), cookie };
}

/** The session of a cookie's value, or undefined: expired, altered, or signed with a token that is no more. */
export function readSession(cookie: string, tokens: readonly KnownToken[], now: number): Session | undefined {
  const [payload = '', signed = '', ...more] = cookie.split('.');
  if (more.length > 0) return undefined;
  const said = parsed(payload);
  const token = tokens.find(({ name }) => name === said?.name);
  if (said === undefined || token === undefined) return undefined;
  if (!isSame(signed, signature(token, 'session', payload)) || said.expiresAt <= now) return undefined;
  return { token, expiresAt: said.expiresAt, csrf: signature(token, 'csrf', payload) };
}

/** Compares in constant time. */
export function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Not to be believed before its signature was looked at. */
function parsed(payload: string): { name: string; expiresAt: number } | undefined {
  try {
    const [name, expiresAt] = JSON.parse(Buffer.from(payload, 'base64url').toString()) as unknown[];
    return typeof name === 'string' && typeof expiresAt === 'number' ? { name, expiresAt } : undefined;
  } catch {
    return undefined;
  }
}

function signature(token: KnownToken, use: 'session' | 'csrf', payload: string): string {
  const key = hkdfSync('sha256', token.digest, '', `omni-sync ${use} 1`, 32);
  return createHmac('sha256', Buffer.from(key)).update(payload).digest('base64url');
}
