/** What an operator may look at of one sync. Answers hold people's data: for who has a token, and never stored by a browser. */
import { z } from 'zod';
import type { Operations } from './operations.ts';
import { HttpProblem } from './problem.ts';
import { type Route, route } from './route.ts';
import { ASK, DRIFT_LIST, EXPLANATION, FAILED, LEAVERS, RUN, STATUS } from './shapes.ts';

export interface SyncRoutesOptions {
  /** Those that run now. */
  readonly syncs: () => readonly Operations[];
}

export const SYNC = z.strictObject({ name: z.string() });
/** A sourceId, an address or a ref. */
export const PERSON_NAME = z.string().min(1).max(1_024);

/** The sync of this name. @throws HttpProblem 404 */
export function syncOf({ syncs }: SyncRoutesOptions, name: string): Operations {
  const found = syncs().find((sync) => sync.name === name);
  if (found !== undefined) return found;
  throw new HttpProblem(404, { detail: 'No sync has this name.', code: 'http.sync' });
}

/** The routes. */
export function syncRoutes(options: SyncRoutesOptions): readonly Route[] {
  return [statusRoute(options), ...oneRoutes(options), ...listRoutes(options)];
}

/** One person, one ask. */
function oneRoutes(options: SyncRoutesOptions): readonly Route[] {
  const of = ({ name }: { name: string }) => syncOf(options, name);
  return [
    route({
      method: 'GET',
      path: '/api/syncs/{name}/people/{person}',
      scope: 'read',
      summary: "One person's whole story",
      params: SYNC.extend({ person: PERSON_NAME }),
      answers: {
        200: {
          description: 'Record, mapping, link, jobs and audit; and what happens next.',
          schema: EXPLANATION,
        },
      },
      async handle({ params }) {
        const body = await of(params).explain(params.person);
        if (body !== undefined) return { body };
        const detail = 'Nobody is called so, neither here nor in the directory.';
        throw new HttpProblem(404, { detail, code: 'http.person' });
      },
    }),
    route({
      method: 'GET',
      path: '/api/syncs/{name}/asks/{id}',
      scope: 'read',
      summary: 'How far an ask has come',
      params: SYNC.extend({ id: z.string().max(100) }),
      answers: { 200: { description: 'Its state, and once it is done what came of it.', schema: ASK } },
      async handle({ params }) {
        const body = await of(params).ask(params.id);
        if (body.state !== 'unknown') return { body };
        const detail = 'There is no such ask: never asked, or longer than a day ago.';
        throw new HttpProblem(404, { detail, code: 'http.ask' });
      },
    }),
  ];
}

/** Who is about to go, who is stuck, what ran. */
function listRoutes(options: SyncRoutesOptions): readonly Route[] {
  const of = ({ name }: { name: string }) => syncOf(options, name);
  return [
    route({
      method: 'GET',
      path: '/api/syncs/{name}/leavers',
      scope: 'read',
      summary: 'Who is about to be taken away, when and why',
      params: SYNC,
      answers: { 200: { description: 'By due time, with the digest of those held.', schema: LEAVERS } },
      handle: async ({ params }) => ({ body: await of(params).leavers() }),
    }),
    route({
      method: 'GET',
      path: '/api/syncs/{name}/failed',
      scope: 'read',
      summary: 'Who is stuck and why, and which records are rejected',
      params: SYNC,
      answers: { 200: { description: 'Oldest first.', schema: FAILED } },
      handle: async ({ params }) => ({ body: await of(params).failed() }),
    }),
    route({
      method: 'GET',
      path: '/api/syncs/{name}/drift',
      scope: 'read',
      summary: 'Who was changed in Omni by hand',
      params: SYNC,
      answers: {
        200: { description: 'By sourceId, with how Omni was last compared.', schema: DRIFT_LIST },
      },
      handle: async ({ params }) => ({ body: await of(params).drift() }),
    }),
    route({
      method: 'GET',
      path: '/api/syncs/{name}/runs',
      scope: 'read',
      summary: 'The last runs',
      params: SYNC,
      query: z.strictObject({ limit: z.coerce.number().int().min(1).max(200).default(20) }),
      answers: { 200: { description: 'Newest first.', schema: z.strictObject({ runs: z.array(RUN) }) } },
      handle: async ({ params, query }) => ({ body: { runs: await of(params).runs(query.limit) } }),
    }),
  ];
}

function statusRoute({ syncs }: SyncRoutesOptions): Route {
  return route({
    method: 'GET',
    path: '/api/status',
    scope: 'read',
    summary: 'How every sync stands',
    answers: {
      200: {
        description: 'As `omni-sync status --json`.',
        schema: z.strictObject({ syncs: z.array(STATUS) }),
      },
    },
    handle: async () => ({ body: { syncs: await Promise.all(syncs().map((one) => one.status())) } }),
  });
}
