/** What a seed of the random campaign makes of a scaled day: which faults strike when, and for how long. Pure. */
import type { Fault } from '../../sandbox/faults.ts';

/** What may happen in an hour of the day; nemeses.ts carries it out. */
export type Nemesis =
  | { readonly kind: 'killDaemon' | 'freezeDaemon' | 'endDaemon'; readonly which: number }
  | { readonly kind: 'killRedis' | 'freezeRedis' | 'fillRedis' | 'evictRedis' }
  | { readonly kind: 'wipeRedis' | 'revokeKey' | 'cutDirectory' | 'noDirectory' }
  | { readonly kind: 'dieAtStep'; readonly step: string; readonly nth: number }
  | {
      readonly kind: 'omni';
      readonly fault: Fault;
      readonly method?: string;
      readonly skip: number;
      readonly times: number;
    };

export interface Hour {
  /** Before it strikes, in milliseconds. */
  readonly quietMs: number;
  readonly nemesis: Nemesis;
  /** How long it lasts, where it does. */
  readonly lastsMs: number;
}

export interface Day {
  readonly seed: number;
  readonly daemons: 1 | 2;
  readonly action: 'deactivate' | 'delete';
  readonly hours: readonly Hour[];
}

/** Numbers from 0 up to, not including, `limit`. */
export type Draw = (limit: number) => number;

const STEPS = [
  'reconcile.outbox',
  'reconcile.jobs',
  'reconcile.read',
  'apply.taken',
  'apply.intent',
  'apply.answered',
  'apply.committed',
] as const;

/** What every Retry-After of the campaign says, in milliseconds. */
export const RETRY_AFTER_MS = 2_000;

export const THROTTLE: Fault = {
  kind: 'status',
  status: 429,
  headers: { 'retry-after': String(RETRY_AFTER_MS / 1000) },
};

const FAULTS: readonly Fault[] = [
  THROTTLE,
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503, commit: true },
  { kind: 'status', status: 400 },
  { kind: 'status', status: 409 },
  { kind: 'dropAfterCommit' },
  { kind: 'reset' },
  { kind: 'cut' },
  { kind: 'html', status: 200, commit: true },
  { kind: 'html', status: 502 },
  { kind: 'empty' },
  { kind: 'malformed' },
  { kind: 'wrongId' },
  { kind: 'delay', ms: 700 },
  { kind: 'delayAfter', ms: 700 },
  { kind: 'drip', ms: 5 },
  { kind: 'idleClose' },
  { kind: 'huge', bytes: 3_000_000 },
  { kind: 'redirect', status: 307, location: 'http://127.0.0.1:1/elsewhere' },
];

const METHODS = [undefined, 'GET', 'POST', 'PATCH', 'DELETE'] as const;

/** The day of a seed: the same one, every time. */
export function dayOf(seed: number): Day {
  const draw = drawFrom(seed);
  const count = 5 + draw(11);
  return {
    seed,
    daemons: draw(2) === 0 ? 1 : 2,
    action: draw(2) === 0 ? 'deactivate' : 'delete',
    hours: Array.from({ length: count }, () => ({
      quietMs: 150 + draw(700),
      nemesis: nemesisOf(draw),
      lastsMs: 200 + draw(2_000),
    })),
  };
}

function nemesisOf(draw: Draw): Nemesis {
  const which = draw(2);
  const kinds: readonly (() => Nemesis)[] = [
    () => ({ kind: 'killDaemon', which }),
    () => ({ kind: 'killDaemon', which }),
    () => ({ kind: 'freezeDaemon', which }),
    () => ({ kind: 'endDaemon', which }),
    () => ({ kind: 'killRedis' }),
    () => ({ kind: 'freezeRedis' }),
    () => ({ kind: 'fillRedis' }),
    () => ({ kind: 'evictRedis' }),
    () => ({ kind: 'wipeRedis' }),
    () => ({ kind: 'revokeKey' }),
    () => ({ kind: 'cutDirectory' }),
    () => ({ kind: 'noDirectory' }),
    () => ({ kind: 'dieAtStep', step: oneOf(STEPS, draw), nth: 1 + draw(3) }),
    () => ({ kind: 'dieAtStep', step: oneOf(STEPS, draw), nth: 1 + draw(3) }),
    ...Array.from({ length: 6 }, () => () => omniFault(draw)),
  ];
  return oneOf(kinds, draw)();
}

function omniFault(draw: Draw): Nemesis {
  const method = oneOf(METHODS, draw);
  const drawn = { fault: oneOf(FAULTS, draw), skip: draw(3), times: 1 + draw(3) };
  return { kind: 'omni', ...drawn, ...(method && { method }) };
}

/** One of several. @throws RangeError for none */
export function oneOf<Item>(items: readonly Item[], draw: Draw): Item {
  const at = draw(items.length);
  if (items.length === 0) throw new RangeError('there is none to draw');
  return items[at] as Item;
}

/** Mulberry32. */
export function drawFrom(seed: number): Draw {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * limit);
  };
}
