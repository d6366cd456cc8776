/**
 * Bull Board at /queues, behind the same door as everything else. What it can do to a queue is not served: of its writes there
 * are two, and both are operations as the commands have them. Its own adapter for fastify brings a file server and a template
 * engine; this is one of ours.
 */
import { createBullBoard } from '@bull-board/api';
import type { AppControllerRoute, BullBoardRequest, IServerAdapter } from '@bull-board/api/typings/app';
import { z } from 'zod';
import { HttpProblem } from '../problem.ts';
import { type Answer, type Route, route } from '../route.ts';
import { boardActs } from './acts.ts';
import { BOARD, boardFiles, boardPage } from './page.ts';
import { type BoardOptions, boardQueues } from './queues.ts';

const UI = {
  boardTitle: 'Queues',
  miscLinks: [{ text: 'Status', url: '/' }],
  hideDocsLink: true,
  hideRedisDetails: true,
  showMetrics: false,
  showWorkers: false,
};

/** What the page asks for; nothing else of the board's is served. */
const LOOKS = [
  '/api/queues',
  '/api/queues/:queueName/metrics',
  '/api/queues/:queueName/default-job-options',
  '/api/queues/:queueName/workers',
  '/api/queues/:queueName/rate-limit',
  '/api/queues/:queueName/job-data-schema',
  '/api/queues/:queueName/:jobId',
  '/api/queues/:queueName/:jobId/logs',
];
const PAGES = ['', '/', '/queue/{queueName}', '/queue/{queueName}/{jobId}'];
const ANYTHING = z.looseObject({});
const PATH = z.record(z.string(), z.string());
const common = { documented: false, params: PATH, query: ANYTHING, answers: {} } as const;

/** The routes. */
export function boardRoutes(options: BoardOptions): readonly Route[] {
  return [...pageRoutes(), fileRoute(), ...lookRoutes(options), flowRoute(), ...boardActs(options)];
}

function pageRoutes(): readonly Route[] {
  const page = boardPage(UI);
  const answer: Answer = { body: page, headers: { 'content-type': 'text/html; charset=utf-8' } };
  return PAGES.map((path) =>
    route({
      ...common,
      method: 'GET',
      path: `${BOARD}${path}`,
      scope: 'read',
      summary: 'The queue page',
      handle: async () => answer,
    }),
  );
}

function fileRoute(): Route {
  const files = boardFiles();
  return route({
    ...common,
    method: 'GET',
    path: `${BOARD}/static/*`,
    scope: 'read',
    summary: 'What the queue page is drawn with',
    withoutRedis: true,
    async handle({ params }) {
      const file = files.get(params['*'] ?? '');
      if (file === undefined) throw new HttpProblem(404);
      return { body: await file.read(), headers: { 'content-type': file.type } };
    },
  });
}

function lookRoutes({ measured }: BoardOptions): readonly Route[] {
  return looksOfBoard().map(([path, look]) =>
    route({
      ...common,
      method: 'GET',
      path: `${BOARD}${path.replace(/:(\w+)/g, '{$1}')}`,
      scope: 'read',
      summary: 'What the queue page shows',
      async handle({ params, query, caller }) {
        const queues = boardQueues(measured(), caller.scope);
        const asked: BullBoardRequest = { queues, uiConfig: UI, params, query, body: {}, headers: {} };
        const { status = 200, body } = await look(asked);
        return { status, body };
      },
    }),
  );
}

/** No job here has children; the board would open a connection to find that. */
function flowRoute(): Route {
  return route({
    ...common,
    method: 'GET',
    path: `${BOARD}/api/queues/{queueName}/{jobId}/flow`,
    scope: 'read',
    summary: 'What the queue page shows',
    handle: async ({ params }) => ({ body: { nodeId: params.jobId, flowRoot: null, isFlowNode: false } }),
  });
}

/** Each path of `LOOKS` with what answers it. */
function looksOfBoard(): [string, AppControllerRoute['handler']][] {
  const routes = routesOfBoard();
  return LOOKS.map((path) => {
    const found = routes.find((one) => one.method === 'get' && one.route === path);
    if (found === undefined) throw new TypeError(`Bull Board has no ${path}`);
    return [path, found.handler];
  });
}

/** Whatever Bull Board serves, and can be asked to do. */
export function routesOfBoard(): readonly AppControllerRoute[] {
  let routes: readonly AppControllerRoute[] = [];
  const adapter: IServerAdapter = {
    setQueues: () => adapter,
    setViewsPath: () => adapter,
    setStaticPath: () => adapter,
    setEntryRoute: () => adapter,
    setErrorHandler: () => adapter,
    setUIConfig: () => adapter,
    setApiRoutes(all) {
      routes = all;
      return adapter;
    },
  };
  createBullBoard({ queues: [], serverAdapter: adapter });
  return routes;
}
