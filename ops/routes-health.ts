/** Whether the process is alive and the syncs are ready, for probes: no token, and no names in the answers. */
import { z } from 'zod';
import { type Route, route } from './route.ts';

/** The routes. */
export function healthRoutes(_: unknown): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/healthz',
      scope: 'open',
      summary: 'Whether this process is alive',
      withoutRedis: true,
      answers: { 200: { description: 'It is.', schema: z.strictObject({ alive: z.literal(true) }) } },
      handle: async () => ({ body: { alive: true } }),
    }),
  ];
}
