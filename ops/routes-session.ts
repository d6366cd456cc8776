/** Signing a browser in with a token, and out: the session is a cookie, and each write needs its second half as a header. */
import { z } from 'zod';
import { CSRF, type Door, SESSION_COOKIE } from './door.ts';
import { type Answer, type Route, route } from './route.ts';
import { openSession, SESSION_MS } from './session.ts';

export interface SessionRoutesOptions {
  readonly door: Door;
  /** Browsers come over https: the cookies are for it alone. */
  readonly secure: boolean;
}

const SESSION = z.strictObject({
  name: z.string(),
  scope: z.enum(['read', 'operate', 'approve']),
  /** ISO 8601. */
  expiresAt: z.iso.datetime().nullable(),
  /** Of a session alone: what writes must send as `x-xsrf-token`. */
  csrf: z.string().nullable(),
});

/** The routes. */
export function sessionRoutes({ door, secure }: SessionRoutesOptions): readonly Route[] {
  const common = `; Path=/; SameSite=Strict${secure ? '; Secure' : ''}`;
  const cookies = (session: string, csrf: string, seconds: number) => [
    `${SESSION_COOKIE}=${session}${common}; Max-Age=${seconds}; HttpOnly`,
    `${CSRF.cookie}=${csrf}${common}; Max-Age=${seconds}`,
  ];
  return [
    route({
      method: 'POST',
      path: '/session',
      scope: 'open',
      summary: 'Sign a browser in with a token',
      withoutRedis: true,
      body: z.strictObject({ token: z.string().min(1).max(4_096) }),
      answers: { 200: { description: 'Signed in; two cookies are set.', schema: SESSION } },
      handle: async ({ body, request }): Promise<Answer> => {
        const token = door.admit(body.token, request.ip);
        request.caller = { name: token.name, scope: token.scope };
        const { cookie, csrf, expiresAt } = openSession(token, Date.now());
        return {
          body: { name: token.name, scope: token.scope, expiresAt: new Date(expiresAt).toISOString(), csrf },
          headers: { 'set-cookie': cookies(cookie, csrf, SESSION_MS / 1000) },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/session',
      scope: 'read',
      summary: 'Who asks, and what they may do',
      withoutRedis: true,
      answers: { 200: { description: 'The token or the session.', schema: SESSION } },
      handle: async ({ caller: { name, scope, session } }) => ({
        body: {
          name,
          scope,
          expiresAt: session === undefined ? null : new Date(session.expiresAt).toISOString(),
          csrf: session?.csrf ?? null,
        },
      }),
    }),
    route({
      method: 'DELETE',
      path: '/session',
      scope: 'read',
      summary: 'Sign out',
      withoutRedis: true,
      answers: { 204: { description: 'The cookies are gone.' } },
      handle: async () => ({ status: 204, body: undefined, headers: { 'set-cookie': cookies('', '', 0) } }),
    }),
  ];
}
