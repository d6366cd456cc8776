/** How every sync stands: the same document as `omni-sync status --json`. */
import { z } from 'zod';
import type { Operations } from './operations.ts';
import { type Route, route } from './route.ts';

/** The routes. */
export function statusRoutes({ syncs }: { readonly syncs: () => readonly Operations[] }): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/status',
      scope: 'read',
      summary: 'How every sync stands',
      answers: { 200: { description: 'As `omni-sync status --json`.', schema: z.unknown() } },
      handle: async () => ({ body: { syncs: await Promise.all(syncs().map((one) => one.status())) } }),
    }),
  ];
}
