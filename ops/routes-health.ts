/** Whether the process is alive and the syncs are ready, for probes: no token, and no names in the answers. Judged elsewhere, by progress. */
import { z } from 'zod';
import type { Health } from '../model/health.ts';
import { HttpProblem } from './problem.ts';
import { type Route, route } from './route.ts';

export interface HealthRoutesOptions {
  readonly health: () => Health;
}

/** The routes. */
export function healthRoutes({ health }: HealthRoutesOptions): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/healthz',
      scope: 'open',
      summary: 'Whether this process makes progress, or cannot for no fault of its own',
      withoutRedis: true,
      answers: { 200: { description: 'It does.', schema: z.strictObject({ alive: z.literal(true) }) } },
      async handle() {
        if (health().alive) return { body: { alive: true } };
        throw new HttpProblem(503, {
          detail: 'A loop is wedged: start this process again.',
          code: 'http.wedged',
        });
      },
    }),
    route({
      method: 'GET',
      path: '/readyz',
      scope: 'open',
      summary: 'Whether every sync does what it is there for',
      withoutRedis: true,
      answers: { 200: { description: 'They all do.', schema: z.strictObject({ ready: z.literal(true) }) } },
      async handle() {
        const now = health();
        if (now.ready) return { body: { ready: true } };
        throw notReady(now);
      },
    }),
  ];
}

/** Syncs by their place in the configuration, for their names are nobody's business. */
function notReady({ reasons, syncs }: Health): HttpProblem {
  const placeOf = (name: string | undefined) =>
    name === undefined ? 'all' : `sync ${1 + syncs.findIndex((sync) => sync.name === name)}`;
  return new HttpProblem(
    503,
    {
      detail: 'Not everything works as it should.',
      code: 'http.notReady',
      errors: reasons.map(({ code, sync }) => ({ at: placeOf(sync), problem: code })),
    },
    { 'retry-after': '5' },
  );
}
