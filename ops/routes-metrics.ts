/** The metrics, for Prometheus: with a token of the scope read, as everything that is not a probe. */
import type { Health } from '../model/health.ts';
import type { MeasuredSync, Metrics } from './metrics.ts';
import { type Route, route } from './route.ts';

export interface MetricsRouteOptions {
  readonly metrics: Metrics;
  /** The syncs as they run now. */
  readonly measured: () => readonly MeasuredSync[];
  readonly health: () => Health;
}

/** The route. Without Redis it tells what this process knows. */
export function metricsRoute({ metrics, measured, health }: MetricsRouteOptions): Route {
  return route({
    method: 'GET',
    path: '/metrics',
    scope: 'read',
    summary: 'Metrics in the text format of Prometheus',
    withoutRedis: true,
    answers: { 200: { description: 'As docs/metrics.md lists them.', type: 'text/plain' } },
    handle: async () => ({
      body: await metrics.text(measured(), health()),
      headers: { 'content-type': metrics.contentType },
    }),
  });
}
