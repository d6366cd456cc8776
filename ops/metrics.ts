/** The metrics of docs/metrics.md: what this process has counted, and how every sync stands when it is asked. No label names a person. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Queues } from '../jobs/queues.ts';
import type { HostBudget } from '../ledger/budget.ts';
import type { Health } from '../model/health.ts';
import type { Operations } from './operations.ts';

/** A request to Omni that was answered, or not (status 0). */
export interface RequestTold {
  readonly method: string;
  /** A template: no id. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** What the floors above count, each for the sync of this name. */
export interface Metrics {
  run(sync: string, outcome: 'complete' | 'incomplete' | 'failed', seconds: number | undefined): void;
  change(sync: string, kind: string, outcome: 'applied' | 'failed' | 'requeued'): void;
  request(sync: string, told: RequestTold): void;
  /** In the text format of Prometheus. */
  text(syncs: readonly MeasuredSync[], health: Health): Promise<string>;
  readonly contentType: string;
}

/** What is asked about a sync at each scrape. */
export interface MeasuredSync {
  readonly operations: Operations;
  readonly queues: Queues;
  readonly budget: HostBudget;
  readonly requestsPerMinute: number;
}

const SECONDS = { run: [1, 5, 15, 60, 300, 900, 3600], request: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] };

/** Nothing is counted yet. */
export function createMetrics(): Metrics {
  const register = new Registry();
  const registers = [register];
  const counter = (name: string, help: string, labelNames: readonly string[]) =>
    new Counter({ name, help, labelNames: [...labelNames], registers });
  const histogram = (name: string, help: string, labelNames: readonly string[], buckets: number[]) =>
    new Histogram({ name, help, labelNames: [...labelNames], buckets, registers });
  const runs = counter('omni_sync_runs_total', 'Reconciles that ended in this process', ['sync', 'outcome']);
  const lasted = histogram('omni_sync_run_duration_seconds', 'Of a reconcile', ['sync'], SECONDS.run);
  const changes = counter('omni_sync_changes_total', 'Changes carried out by this process', [
    'sync',
    'kind',
    'outcome',
  ]);
  const requests = counter('omni_sync_omni_requests_total', 'Requests to Omni by this process', [
    'sync',
    'method',
    'route',
    'status',
  ]);
  const throttled = counter('omni_sync_omni_throttled_total', '429 answers of Omni', ['sync']);
  const latency = histogram(
    'omni_sync_omni_request_duration_seconds',
    'Latency of Omni',
    ['sync', 'method', 'route'],
    SECONDS.request,
  );
  const gauges = createGauges(register);
  collectDefaultMetrics({ register });
  return {
    contentType: register.contentType,
    run(sync, outcome, seconds) {
      runs.inc({ sync, outcome });
      if (seconds !== undefined) lasted.observe({ sync }, seconds);
    },
    change: (sync, kind, outcome) => changes.inc({ sync, kind, outcome }),
    request(sync, { method, route, status, seconds }) {
      requests.inc({ sync, method, route, status });
      latency.observe({ sync, method, route }, seconds);
      if (status === 429) throttled.inc({ sync });
    },
    async text(syncs, health) {
      await gauges.measure(syncs, health);
      return register.metrics();
    },
  };
}

const GAUGES = {
  omni_sync_people: ['People by state', ['sync', 'state']],
  omni_sync_drifted_people: ['People changed in Omni by hand', ['sync']],
  omni_sync_last_read_timestamp_seconds: ['End of the last complete read', ['sync']],
  omni_sync_last_converged_timestamp_seconds: ['When all was last in step', ['sync']],
  omni_sync_seconds_since_converged: ['Since all was last in step', ['sync']],
  omni_sync_halted: ['1 while every key is refused', ['sync']],
  omni_sync_paused: ['1 while an operator has paused it', ['sync']],
  omni_sync_unreachable: ['1 while Omni does not answer', ['sync']],
  omni_sync_budget_requests_per_minute: ['What all keys allow', ['sync']],
  omni_sync_keys_refused: ['API keys that Omni refuses now', ['sync']],
  omni_sync_queue_jobs: ['BullMQ jobs by state', ['sync', 'queue', 'state']],
  omni_sync_redis_up: ['1 where Redis answers', []],
  omni_sync_redis_memory_ratio: ['Used of maxmemory; 0 without a limit', []],
  omni_sync_worker_progress_age_seconds: ['Since the last sign of life of the role', ['sync', 'role']],
} as const satisfies Record<string, readonly [string, readonly string[]]>;

type GaugeName = keyof typeof GAUGES;
type Set = (name: GaugeName, labels: Readonly<Record<string, string>>, value: number) => void;

function createGauges(register: Registry) {
  const gauges = new Map(
    Object.entries(GAUGES).map(([name, [help, labels]]) => [
      name,
      new Gauge({ name, help, labelNames: [...labels], registers: [register] }),
    ]),
  );
  const set: Set = (name, labels, value) => gauges.get(name)?.set(labels, value);
  return {
    /** What Redis cannot tell now is left out, not told as it was. */
    async measure(syncs: readonly MeasuredSync[], health: Health): Promise<void> {
      for (const gauge of gauges.values()) gauge.reset();
      set('omni_sync_redis_up', {}, Number(health.redis.up));
      set('omni_sync_redis_memory_ratio', {}, health.redis.memoryRatio);
      measureHealth(health, set);
      if (health.redis.up) await Promise.all(syncs.map((sync) => measureSync(sync, set)));
    },
  };
}

function measureHealth({ syncs }: Health, set: Set): void {
  for (const { name: sync, roleAgesMs, convergedAt } of syncs) {
    for (const [role, ageMs] of Object.entries(roleAgesMs))
      set('omni_sync_worker_progress_age_seconds', { sync, role }, ageMs / 1000);
    if (convergedAt === undefined) continue;
    set('omni_sync_last_converged_timestamp_seconds', { sync }, convergedAt / 1000);
    set('omni_sync_seconds_since_converged', { sync }, Math.max(0, (Date.now() - convergedAt) / 1000));
  }
}

async function measureSync(
  { operations, queues, budget, requestsPerMinute }: MeasuredSync,
  set: Set,
): Promise<void> {
  const sync = operations.name;
  const [status, runs, snapshot] = await Promise.all([
    operations.status(),
    operations.runs(20),
    budget.snapshot(),
  ]);
  const states = { in_step: status.inStep, waiting: status.waiting, failed: status.failed };
  const found = { held: status.run?.held ?? 0, rejected: status.run?.rejected ?? 0 };
  for (const [state, count] of Object.entries({ ...states, ...found }))
    set('omni_sync_people', { sync, state }, count);
  const read = runs.find(({ complete, finishedAt }) => complete && finishedAt !== null);
  if (typeof read?.finishedAt === 'string')
    set('omni_sync_last_read_timestamp_seconds', { sync }, Date.parse(read.finishedAt) / 1000);
  set('omni_sync_drifted_people', { sync }, status.drift.people);
  set('omni_sync_halted', { sync }, Number(status.halted));
  set('omni_sync_paused', { sync }, Number(status.paused));
  set('omni_sync_unreachable', { sync }, Number(status.unreachable));
  set('omni_sync_keys_refused', { sync }, snapshot.keys.filter(({ refused }) => refused).length);
  set('omni_sync_budget_requests_per_minute', { sync }, requestsPerMinute);
  for (const queue of [queues.apply, queues.reconcile]) {
    for (const [state, count] of Object.entries(await queue.getJobCounts()))
      set('omni_sync_queue_jobs', { sync, queue: queue.name, state }, count);
  }
}
