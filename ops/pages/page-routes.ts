/** The pages for people: status, a person, the stream that the status page follows, and the files that pages are drawn with. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { HttpProblem } from '../problem.ts';
import { type Route, route } from '../route.ts';
import { PERSON_NAME, type SyncRoutesOptions, syncOf } from '../routes-syncs.ts';
import { liveStream } from './live.ts';
import { personPage } from './person-page.ts';
import { liveParts, statusPage } from './status-page.ts';

const HTML_TYPE = 'text/html; charset=utf-8';
const page = (description: string) => ({ 200: { description, type: HTML_TYPE } });
const asHtml = (body: string) => ({ body, headers: { 'content-type': HTML_TYPE } });

/** The routes. */
export function pageRoutes(options: SyncRoutesOptions): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/',
      scope: 'read',
      summary: 'The status page',
      answers: page('How every sync stands, and what needs the operator.'),
      handle: async ({ caller }) => asHtml(await statusPage(options.syncs(), caller)),
    }),
    route({
      method: 'GET',
      path: '/people',
      scope: 'read',
      summary: 'The page of one person',
      query: z.strictObject({ sync: z.string(), person: PERSON_NAME }),
      answers: page("One person's whole story."),
      async handle({ query, caller }) {
        const story = await syncOf(options, query.sync).explain(query.person);
        if (story !== undefined) return asHtml(personPage(story, caller));
        const detail = 'Nobody is called so, neither here nor in the directory.';
        throw new HttpProblem(404, { detail, code: 'http.person' });
      },
    }),
    route({
      method: 'GET',
      path: '/events',
      scope: 'read',
      summary: 'What has changed on the status page, as it changes',
      answers: { 200: { description: 'Events `parts`: id → HTML.', type: 'text/event-stream' } },
      handle: async ({ caller }) => ({
        body: liveStream(() => liveParts(options.syncs(), caller)),
        headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' },
      }),
    }),
    asset('page.css', 'text/css; charset=utf-8'),
    asset('page.js', 'text/javascript; charset=utf-8'),
  ];
}

/** A file of ops/assets, the same for everybody: the sign-in page needs it too. */
function asset(name: string, type: string): Route {
  const text = readFileSync(new URL(`../assets/${name}`, import.meta.url), 'utf8');
  return route({
    method: 'GET',
    path: `/assets/${name}`,
    scope: 'open',
    summary: 'What the pages are drawn with',
    withoutRedis: true,
    answers: { 200: { description: 'The file.', type } },
    handle: async () => ({ body: text, headers: { 'content-type': type } }),
  });
}
