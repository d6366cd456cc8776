/** What an operator may ask of one sync. Nothing is done here: each act is one of ops/operations.ts, under the caller's name. */
import { z } from 'zod';
import { HttpProblem } from './problem.ts';
import { type AnswerShape, type Route, route } from './route.ts';
import { PERSON_NAME, SYNC, type SyncRoutesOptions, syncOf } from './routes-syncs.ts';
import { ACT_DONE, APPROVED } from './shapes.ts';

const PEOPLE = z.array(PERSON_NAME).min(1);
const DONE: AnswerShape = {
  description: 'For whom it was done, and which names are nobody’s.',
  schema: ACT_DONE,
};
const NOTHING: AnswerShape = { description: 'Done.' };

/** The routes. */
export function actRoutes(options: SyncRoutesOptions): readonly Route[] {
  return [resyncRoute(options), ...leaverRoutes(options), retryRoute(options), ...flowRoutes(options)];
}

function resyncRoute(options: SyncRoutesOptions): Route {
  return route({
    method: 'POST',
    path: '/api/syncs/{name}/resync',
    scope: 'operate',
    summary: 'Ask for a reconcile, or for one person ahead of the backlog',
    params: SYNC,
    body: z.strictObject({ user: PERSON_NAME.exactOptional(), full: z.boolean().default(false) }),
    answers: {
      202: {
        description: 'It is asked for; asked for twice, it is done once.',
        schema: z.strictObject({ ask: z.string() }),
      },
    },
    async handle({ params, body, caller }) {
      const ask = await syncOf(options, params.name).resync(body, caller.name);
      const location = `/api/syncs/${params.name}/asks/${ask}`;
      return { status: 202, body: { ask }, headers: { location } };
    },
  });
}

/** Who goes, and who does not. */
function leaverRoutes(options: SyncRoutesOptions): readonly Route[] {
  const of = ({ name }: { name: string }) => syncOf(options, name);
  return [
    route({
      method: 'POST',
      path: '/api/syncs/{name}/approve',
      scope: 'approve',
      summary: 'Let held leavers go, exactly those that were shown, or some of them',
      params: SYNC,
      body: z.strictObject({ digest: z.string().min(1).max(100), people: PEOPLE.exactOptional() }),
      answers: { 200: { description: 'Who was approved, and how many stay held.', schema: APPROVED } },
      async handle({ params, body, caller }) {
        const approved = await of(params).approve(body.people ?? 'all', body.digest, caller.name);
        if (approved.unknown.length === 0) return { body: approved };
        throw nobodyApproved(approved.unknown);
      },
    }),
    route({
      method: 'POST',
      path: '/api/syncs/{name}/keep',
      scope: 'operate',
      summary: 'Protect people from being taken away',
      params: SYNC,
      body: z.strictObject({ people: PEOPLE }),
      answers: { 200: DONE },
      handle: async ({ params, body, caller }) => ({
        body: await of(params).keep(body.people, caller.name),
      }),
    }),
  ];
}

function retryRoute(options: SyncRoutesOptions): Route {
  return route({
    method: 'POST',
    path: '/api/syncs/{name}/retry',
    scope: 'operate',
    summary: 'Try people again who are set aside: those named, or all',
    params: SYNC,
    body: z.strictObject({ people: PEOPLE.exactOptional() }),
    answers: { 200: DONE },
    handle: async ({ params, body, caller }) => ({
      body: await syncOf(options, params.name).retry(body.people ?? 'all', caller.name),
    }),
  });
}

const FLOWS = [
  ['pause', 'Send nothing to Omni until resume; nothing is lost'],
  ['resume', 'Go on after a pause, or after Omni refused the key'],
] as const;

/** Whether anything is sent at all. */
function flowRoutes(options: SyncRoutesOptions): readonly Route[] {
  return FLOWS.map(([act, summary]) =>
    route({
      method: 'POST',
      path: `/api/syncs/{name}/${act}`,
      scope: 'operate',
      summary,
      params: SYNC,
      answers: { 204: NOTHING },
      async handle({ params, caller }) {
        await syncOf(options, params.name)[act](caller.name);
        return { status: 204, body: undefined };
      },
    }),
  );
}

/** A part of what was meant may be a slip in the rest. */
function nobodyApproved(unknown: readonly string[]): HttpProblem {
  return new HttpProblem(422, {
    detail: 'Some of the people named are not held, so nobody was approved.',
    code: 'approve.unknown',
    errors: unknown.map((name) => ({ at: 'people', problem: `nobody who is held is called ${name}` })),
  });
}
