/**
 * Judges whether the service works, by its progress and never by a ping: loops that go round, reads that end, people
 * that are carried out, a Redis that keeps what it is given. Pure.
 */
import type { Unready } from '../model/health.ts';

/** How long the queue may owe an answer before its client counts as wedged, in milliseconds: an idle one answers each second. */
const WEDGED_MS = 20_000;
/** A loop that is wedged again so soon after it was begun anew is not cured by it. */
const CURE_MS = 60_000;
/** A role without a sign of life for so long is silent; one is given every five seconds. */
const SILENT_MS = 30_000;
/** Schedule's slots that may pass without a read that ends, or without anybody carried out while people wait. */
const MOST_SLOTS = 3;
/** However often the schedule ticks, so long is not yet silence. */
const LEAST_SILENCE_MS = 60_000;
/** Above it nothing is added to Redis, so that the workers have room to drain it. */
const FULL_RATIO = 0.7;

/** What one loop shows of itself. Milliseconds. */
export interface LoopSigns {
  /** How long it has waited for the queue by now; 0 while it does anything else. */
  readonly owedMs: number;
  /** How long Redis has answered without a break. */
  readonly redisUpMs: number;
  /** Since it was last begun anew. */
  readonly curedMs: number | undefined;
}

/** ok; wedged: begin it anew; hopeless: that was tried, end the process. */
export function judgeLoop({ owedMs, redisUpMs, curedMs }: LoopSigns): 'ok' | 'wedged' | 'hopeless' {
  // A Redis that is away, or has just come back, owes every loop an answer.
  if (Math.min(owedMs, redisUpMs) < WEDGED_MS) return 'ok';
  return curedMs !== undefined && curedMs < CURE_MS ? 'hopeless' : 'wedged';
}

export interface RedisSigns {
  /** Absent where Redis does not show it. */
  readonly policy: string | undefined;
  readonly memoryRatio: number;
}

/** What a Redis in this state may be asked: nothing where it would drop what it is given, only to be drained where it is nearly full. */
export function allowedBy({ policy, memoryRatio }: RedisSigns): 'all' | 'drain' | 'nothing' {
  if (policy !== undefined && policy !== 'noeviction') return 'nothing';
  return memoryRatio >= FULL_RATIO ? 'drain' : 'all';
}

export interface SyncSigns {
  /** Since the last sign of life of each role, over all processes; a role that has ended in order is not there. */
  readonly roleAgesMs: Readonly<Record<string, number>>;
  /** Slots of the schedule that have passed since a read came to its end, and since anybody was carried out. */
  readonly slotsUnread: number;
  readonly slotsUnmoved: number;
  /** For how long so, at least. */
  readonly unreadMs: number;
  readonly unmovedMs: number;
  /** People with a desired state that could be applied. */
  readonly waiting: number;
  readonly halted: boolean;
  readonly paused: boolean;
}

/** Why this sync is not ready; what an operator has paused is no fault. */
export function judgeSync(signs: SyncSigns): Unready[] {
  const { roleAgesMs, halted, paused, waiting } = signs;
  const silent = (role: string) => (roleAgesMs[role] ?? 0) > SILENT_MS;
  const unread = signs.slotsUnread >= MOST_SLOTS && signs.unreadMs >= LEAST_SILENCE_MS;
  const unmoved = signs.slotsUnmoved >= MOST_SLOTS && signs.unmovedMs >= LEAST_SILENCE_MS;
  const holds: readonly (readonly [Unready, boolean])[] = [
    ['halted', halted],
    ['silence.scheduler', silent('scheduler')],
    ['silence.worker', silent('worker')],
    ['silence.read', unread],
    ['silence.apply', unmoved && waiting > 0 && !halted && !paused],
  ];
  return holds.filter(([, is]) => is).map(([code]) => code);
}
