/**
 * What the door let in and what it refused, in the log: sign-ins, wrong tokens, writes beyond a scope, pages of others. The route,
 * the token's name and where it came from; never a path, which may name a person, and never what was presented.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { createSparing } from './sparing.ts';

/** Whoever knocks decides how often: the log must not be filled by them. */
const MOST_A_MINUTE = 60;

/** Tells of every answer that `app` gives from now on. */
export function logDoor(app: FastifyInstance, log: Logger): void {
  const sparing = createSparing(MOST_A_MINUTE);
  app.addHook('onResponse', async (request, { statusCode: status }) => {
    const message = messageOf(request, status);
    if (message === undefined) return;
    const { tell, untold } = sparing.next(Date.now());
    if (untold > 0) log.warn({ untold }, 'more was refused than is told');
    if (tell) log.info({ ...factsOf(request), status }, message);
  });
}

function messageOf(request: FastifyRequest, status: number): string | undefined {
  const isSignIn = request.method === 'POST' && request.routeOptions.url === '/session';
  if (isSignIn && status === 200) return 'signed in';
  if (status === 403 || status === 429) return 'refused';
  // Without anything presented it is no attempt, but a page that was opened.
  const presented = isSignIn || request.headers.authorization !== undefined;
  return status === 401 && presented ? 'refused' : undefined;
}

function factsOf({ method, routeOptions, caller, ip }: FastifyRequest) {
  return { route: `${method} ${routeOptions.url ?? '(none)'}`, caller: caller?.name ?? 'anybody', from: ip };
}
