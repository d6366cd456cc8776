/**
 * The service's watch over itself: every few seconds it looks at Redis, at each loop and at each sync, and says how
 * the service is. Judged by progress: a process that answers and does nothing is not well.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { type RedisState, readRedisState } from '../ledger/redis-state.ts';
import { faultFacts } from '../model/fault.ts';
import type { Health } from '../model/health.ts';
import { allowedBy } from '../plan/health.ts';
import type { Gate } from './gate.ts';
import { type SyncLook, type SyncWatch, watchSync } from './sync-watch.ts';
import type { Unit } from './unit.ts';

export interface WatchOptions {
  readonly redis: Redis;
  /** Those that run now. */
  readonly units: () => readonly Unit[];
  readonly gate: Gate;
  readonly log: Logger;
  /** Told of each round; without looks where Redis did not answer. */
  readonly onRound?: (health: Health, looks: readonly SyncLook[]) => void;
}

export interface Watch {
  health(): Health;
  stop(): Promise<void>;
}

const ROUND_MS = 5_000;
/** How long a round may take before Redis counts as away, in milliseconds. */
const ANSWER_MS = 5_000;

/** Before the first look. */
export const NOT_YET: Health = {
  alive: true,
  ready: false,
  reasons: [{ code: 'redis.down' }],
  redis: { up: false, memoryRatio: 0 },
  syncs: [],
};
const MEANS = { all: undefined, drain: 'redis.full', nothing: 'redis.policy' } as const;

/** Starts watching. */
export function startWatch(options: WatchOptions): Watch {
  const stopping = new AbortController();
  const syncs = new Map<Unit, SyncWatch>();
  let upSince: number | undefined;
  let pending: Promise<SyncLook[] | undefined> | undefined;
  let health = NOT_YET;

  async function look(): Promise<SyncLook[]> {
    const state = await readRedisState(options.redis);
    upSince ??= performance.now();
    const redisUpMs = performance.now() - upSince;
    obey(state, options);
    const looks: SyncLook[] = [];
    for (const watch of current(syncs, options.units())) looks.push(await watch.look({ redisUpMs }));
    health = healthOf(state, looks, ![...syncs.values()].some((watch) => watch.hopeless()));
    return looks;
  }

  async function round(): Promise<void> {
    // One at a time: where Redis is away, its commands wait until it is back.
    pending ??= look()
      .catch((error: unknown) => void options.log.warn(faultFacts(error), 'the watch could not look'))
      .finally(() => {
        pending = undefined;
      });
    const looks = await within(pending, ANSWER_MS);
    if (looks === undefined) {
      upSince = undefined;
      const { alive, redis, syncs } = health;
      health = { ...NOT_YET, alive, syncs, redis: { ...redis, up: false } };
    }
    options.onRound?.(health, looks ?? []);
  }

  const running = every(ROUND_MS, round, stopping.signal);
  return {
    health: () => health,
    async stop() {
      stopping.abort();
      await running;
      const withdrawn = Promise.allSettled([...syncs.values()].map((watch) => watch.stop()));
      await within(withdrawn, ANSWER_MS);
    },
  };
}

async function every(ms: number, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await work();
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }
}

/** The answer, or nothing where it takes too long. */
async function within<Answer>(answer: Promise<Answer>, ms: number): Promise<Answer | undefined> {
  const timing = new AbortController();
  const late = sleep(ms, undefined, { signal: timing.signal }).catch(() => undefined);
  try {
    return await Promise.race([answer, late]);
  } finally {
    timing.abort();
  }
}

/** Says a change of what Redis's state allows, and holds the service to it. */
function obey(state: RedisState, { gate, log }: WatchOptions): void {
  const allowed = allowedBy(state);
  if (!gate.set(allowed)) return;
  if (allowed === 'all') log.info(state, 'Redis takes everything again');
  else if (allowed === 'drain')
    log.error(state, 'Redis is nearly full: nothing new is written, what waits is carried out');
  else
    log.error(
      state,
      'Redis would drop what it is given: nothing is read and nothing is sent until it is noeviction',
    );
}

/** The watches of the syncs that run now; those of ended ones are let go of. */
function current(syncs: Map<Unit, SyncWatch>, units: readonly Unit[]): readonly SyncWatch[] {
  for (const unit of syncs.keys()) if (!units.includes(unit)) syncs.delete(unit);
  return units.map((unit) => {
    const watch = syncs.get(unit) ?? watchSync(unit);
    syncs.set(unit, watch);
    return watch;
  });
}

function healthOf(state: RedisState, looks: readonly SyncLook[], alive: boolean): Health {
  const means = MEANS[allowedBy(state)];
  const reasons = [
    ...(means === undefined ? [] : [{ code: means }]),
    ...looks.flatMap(({ name, unready }) => unready.map((code) => ({ code, sync: name }))),
  ];
  return {
    alive,
    ready: reasons.length === 0,
    reasons,
    redis: { up: true, memoryRatio: state.memoryRatio },
    syncs: looks.map(({ name, roleAgesMs, convergedAt }) => ({ name, roleAgesMs, convergedAt })),
  };
}
