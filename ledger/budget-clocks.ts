/**
 * The budget's clocks in Redis, as typed calls of their scripts. Milliseconds out here, microseconds in there.
 * Never reads this machine's clock.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { CallVerdict } from '../model/budget.ts';
import { READ_CLOCKS, REFUSALS, SETTLE_TURN, TAKE_TURN } from './budget-script.ts';

/** The pace of one host's keys; all in whole microseconds. */
interface Pace {
  readonly period: number;
  /** How late a slot may be taken without moving those after it. */
  readonly tolerance: number;
  readonly firstBackoff: number;
  /** Also how long a trial call may be out before it counts as lost. */
  readonly longestBackoff: number;
}

export interface Grant {
  readonly kind: 'turn';
  /** Of the key, in the order given. */
  readonly index: number;
  /** Whether an answer clears anything. */
  readonly dirty: boolean;
  /** Whether this is the one call that tries a key that was refused, a host that did not answer. */
  readonly keyTrial: boolean;
  readonly hostTrial: boolean;
}

type TurnAnswer = Grant | { readonly kind: 'wait'; readonly ms: number } | { readonly kind: 'refused' };

/** How one API key stands, for status and metrics. */
interface KeyStanding {
  /** 16 hex digits of the key's SHA-256. */
  readonly id: string;
  /** Until its next slot is free, in milliseconds; 0: now. Does not count a pause. */
  readonly nextSlotMs: number;
  /** How much longer a 429 pauses it, in milliseconds. */
  readonly pausedMs: number;
  /** 401 and 403 in a row. */
  readonly refusals: number;
  /** No call is made with it until it changes or an operator says go. */
  readonly refused: boolean;
  /** When the first refusal came, in milliseconds since 1970 by Redis' clock. */
  readonly refusedSince?: number;
  /** Slots taken, and 429 received, since the key is known. */
  readonly used: number;
  readonly throttled: number;
}

/** How a host and its keys stand. */
export interface BudgetSnapshot {
  readonly keys: readonly KeyStanding[];
  /** Calls in a row that the host did not answer. */
  readonly failures: number;
  /** How much longer no call goes out after five of those, in milliseconds. */
  readonly brokenMs: number;
}

const LONGEST_PAUSE_MS = 3_600_000;
const REMEMBERED_MS = 30 * 86_400_000;

/**
 * The pace that keeps to `limit` calls in any window. The period is 1 % longer than the limit's: limit + 1 grants
 * span at least limit × period − tolerance, and at least half of that 1 % is left over for calls that travel unevenly.
 */
export function paceOf(limit: number, windowMs: number): Pace {
  const window = windowMs * 1000;
  const period = (1.01 * window) / limit;
  return {
    period: Math.ceil(period),
    tolerance: Math.floor(Math.min(period / 5, window / 200)),
    firstBackoff: Math.ceil(window / 30),
    longestBackoff: window,
  };
}

/** How a key is named in Redis and in status: never the key itself. */
export function keyId(apiKey: string): string {
  return createHash('sha256').update(apiKey).digest('hex').slice(0, 16);
}

/** `names`: the host's Redis key, then each API key's. */
export async function takeTurn(redis: Redis, names: readonly string[], pace: Pace): Promise<TurnAnswer> {
  const args = [pace.period, pace.tolerance, pace.longestBackoff, LONGEST_PAUSE_MS * 1000, REMEMBERED_MS];
  const answer = (await runScript(redis, TAKE_TURN, names, args)) as [string, ...number[]];
  const [kind, first = 0, ...flags] = answer;
  if (kind === 'refused') return { kind };
  if (kind === 'wait') return { kind, ms: Math.ceil(first / 1000) };
  const [dirty, keyTrial, hostTrial] = flags.map(Boolean);
  return {
    kind: 'turn',
    index: first,
    dirty: dirty === true,
    keyTrial: keyTrial === true,
    hostTrial: hostTrial === true,
  };
}

interface Settlement {
  readonly verdict: CallVerdict;
  readonly grant: Grant;
  readonly pace: Pace;
}

/** `names`: the host's Redis key, then that of the API key that was granted. */
export async function settleTurn(redis: Redis, names: readonly string[], what: Settlement): Promise<void> {
  const { verdict, grant, pace } = what;
  await runScript(redis, SETTLE_TURN, names, [
    verdict.kind,
    retryAfterUs(verdict),
    Math.random(),
    pace.firstBackoff,
    pace.longestBackoff,
    LONGEST_PAUSE_MS * 1000,
    Number(grant.keyTrial),
    Number(grant.hostTrial),
    REMEMBERED_MS,
  ]);
}

/** 0 where none came, or one that asks for no wait: a backoff then. */
function retryAfterUs(verdict: CallVerdict): number {
  const ms = verdict.kind === 'throttled' ? (verdict.retryAfterMs ?? 0) : 0;
  return ms > 0 ? Math.ceil(Math.min(ms, LONGEST_PAUSE_MS) * 1000) : 0;
}

/** `names` as for `takeTurn`; `ids` those of the API keys. */
export async function readStandings(
  redis: Redis,
  names: readonly string[],
  ids: readonly string[],
): Promise<BudgetSnapshot> {
  const answer = (await runScript(redis, READ_CLOCKS, names, [])) as [string, ...string[][]];
  const [now, host, ...clocks] = answer;
  const until = (time: number) => Math.max(0, Math.ceil((time - Number(now)) / 1000));
  const keys = ids.map((id, index) => standing(id, fieldsOf(clocks[index]), until));
  const breaker = fieldsOf(host);
  return { keys, failures: breaker('failures'), brokenMs: until(breaker('open')) };
}

type Fields = (name: string) => number;

/** Reads HGETALL's flat list; an absent field is 0. */
function fieldsOf(list: readonly string[] = []): Fields {
  return (name) => {
    const at = list.findIndex((text, index) => index % 2 === 0 && text === name);
    return at < 0 ? 0 : Number(list[at + 1]);
  };
}

function standing(id: string, field: Fields, until: (time: number) => number): KeyStanding {
  const since = field('refusedSince');
  return {
    id,
    nextSlotMs: until(field('next')),
    pausedMs: until(field('paused')),
    refusals: field('refusals'),
    refused: field('refusals') >= REFUSALS,
    ...(since > 0 && { refusedSince: Math.floor(since / 1000) }),
    used: field('used'),
    throttled: field('throttled'),
  };
}

/** By its hash; with its text where Redis has forgotten it. */
async function runScript(
  redis: Redis,
  lua: string,
  names: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  const hash = createHash('sha1').update(lua).digest('hex');
  try {
    return await redis.evalsha(hash, names.length, ...names, ...args);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return redis.eval(lua, names.length, ...names, ...args);
  }
}
