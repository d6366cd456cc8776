/** Counts what the worker tells and what it asks of Omni, for the metrics. Never hands on an id, a path with one, or a name. */
import type { Http } from '../http/http.ts';
import type { Runs } from '../ledger/runs.ts';
import type { Metrics } from '../ops/metrics.ts';
import type { Events } from './events.ts';

export interface CountingOptions {
  readonly metrics: Metrics;
  readonly sync: string;
}

/** `events`, counted too. */
export function countEvents(
  events: Events,
  { metrics, sync, runs }: CountingOptions & { readonly runs: Runs },
): Events {
  const ended = async (run: string, outcome: 'complete' | 'incomplete' | 'failed') => {
    const record = await runs.get(run).catch(() => undefined);
    metrics.run(sync, outcome, record === undefined ? undefined : secondsOf(record));
  };
  return {
    ...events,
    reconciled(event) {
      events.reconciled(event);
      void ended(event.run, event.complete ? 'complete' : 'incomplete');
    },
    broken(event) {
      events.broken(event);
      void ended(event.run, 'failed');
    },
    applied(event) {
      events.applied(event);
      metrics.change(sync, event.kind, 'applied');
    },
    setback(event) {
      events.setback(event);
      metrics.change(sync, 'unknown', event.consequence === 'setAside' ? 'failed' : 'requeued');
    },
  };
}

/** `send`, each request counted and timed. */
export function countRequests(send: Http, { metrics, sync }: CountingOptions): Http {
  return async (request) => {
    const began = performance.now();
    let status = 0;
    try {
      const answer = await send(request);
      status = answer.status;
      return answer;
    } finally {
      const seconds = (performance.now() - began) / 1000;
      metrics.request(sync, { method: request.method, route: templateOf(request.url), status, seconds });
    }
  };
}

/** Every part of the path that is no word of Omni's API is an id. */
function templateOf(url: string): string {
  const parts = new URL(url).pathname.split('/');
  return parts.map((part) => (/^(v\d+|[a-z-]{0,30})$/i.test(part) ? part : '{id}')).join('/');
}

function secondsOf({
  startedAt,
  finishedAt,
}: {
  startedAt: string;
  finishedAt?: string;
}): number | undefined {
  return finishedAt === undefined ? undefined : (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
}
