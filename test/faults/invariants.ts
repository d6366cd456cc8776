/**
 * The seven invariants, judged by what the sandbox holds and has in its call log, and by the ledger for the sixth; never
 * by a word of the program. What they say in full stands in docs/faults.md.
 */
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { busiestWindow } from '../../sandbox/limiter.ts';
import type { Sandbox } from '../../sandbox/server.ts';
import type { Person } from '../support/journey.ts';
import type { LedgerRead } from '../support/ledger.ts';
import { knowsRegions } from '../support/verdict.ts';

type Account = ReturnType<Sandbox['state']>['users'][number];

/** What every 429 of the case says in Retry-After. */
interface RetryAfter {
  readonly ms: number;
  /** When something made a late call, or forgot a pause (wall clock): a 429 about then says nothing. Left out: never. */
  readonly excused?: readonly Span[];
}

/** Wall clock. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What a case knows by itself of how it must have ended. */
export interface Verdict {
  readonly sandbox: Sandbox;
  /** Who is wanted; each as they are wanted. */
  readonly people: readonly Person[];
  /** Ids and addresses of those who are set aside by name, and are not judged by what Omni holds of them. */
  readonly setAside?: readonly string[];
  /** Accounts that are nobody's of the directory, as they were before. */
  readonly outsiders?: readonly Account[];
  /** Whether somebody may have been taken away at that moment (wall clock). Left out: nobody, ever. */
  readonly mayLeave?: (userName: string, at: number) => boolean;
  /** Most calls in a window. */
  readonly limit?: { readonly calls: number; readonly windowMs: number };
  readonly retryAfter?: RetryAfter;
  readonly ledger?: LedgerRead;
}

/** @throws AssertionError with every invariant that is violated, each with its figure. */
export function expectInvariants(verdict: Verdict): void {
  expect(violations(verdict)).toEqual([]);
}

/** Every violation, beginning with its invariant; empty where all is as it must be. */
export function violations(verdict: Verdict): string[] {
  return JUDGES.flatMap(([name, judge]) => judge(verdict).map((what) => `${name}: ${what}`));
}

/** I5, secrets and personal data in logs and job data, is judged for every installation when it is taken down: test/support/leaks.ts. */
const JUDGES: readonly (readonly [name: string, judge: (verdict: Verdict) => string[]])[] = [
  ['I1', nobodyTwice],
  ['I2', everyoneInStep],
  ['I3', nobodyTakenWrongly],
  ['I4', withinTheLimit],
  ['I6', ledgerIsOmni],
  ['I7', outsidersUntouched],
];

/** Each address was created once, and once more for each time that its account was taken away. */
function nobodyTwice({ sandbox }: Verdict): string[] {
  const created = new Map<string, number>();
  for (const { method, route, committed, removed, userName } of sandbox.calls()) {
    if (userName === undefined) continue;
    const key = userName.toLowerCase();
    if (method === 'POST' && committed && route === '/api/scim/v2/users')
      created.set(key, (created.get(key) ?? 0) + 1);
    else if (removed) created.set(key, (created.get(key) ?? 0) - 1);
  }
  return [...created].flatMap(([userName, times]) =>
    times > 1 ? [`${userName} was created ${times} times`] : [],
  );
}

function everyoneInStep({ sandbox, people, setAside = [], outsiders = [] }: Verdict): string[] {
  const foreign = new Set(outsiders.map(({ id }) => id));
  const active = sandbox.state().users.filter((user) => user.active && !foreign.has(user.id));
  const held = new Map(active.map((user) => [user.userName, user]));
  const wanted = new Map(people.map((person) => [person.email, person]));
  const judged = people.filter(({ id }) => !setAside.includes(id));
  return [
    ...judged.flatMap((person) => difference(person, held.get(person.email), knowsRegions(sandbox))),
    ...active.flatMap(({ userName }) =>
      wanted.has(userName) || setAside.includes(userName) ? [] : [`${userName} is active and not wanted`],
    ),
  ];
}

function difference(
  { email, name, office }: Person,
  account: Account | undefined,
  regions: boolean,
): string[] {
  if (account === undefined) return [`${email} is not in Omni`];
  const wrong = account.displayName !== name ? [`${email} has the name ${account.displayName}`] : [];
  const { region } = account.attributes;
  return !regions || region === office
    ? wrong
    : [...wrong, `${email} has the region ${String(region)}, not ${office}`];
}

function nobodyTakenWrongly({ sandbox, mayLeave = () => false }: Verdict): string[] {
  return sandbox
    .calls()
    .filter(({ removed, userName = '', time }) => removed && !mayLeave(userName, Date.parse(time)))
    .map(({ userName, time }) => `${userName ?? 'somebody'} was taken away at ${time}, and was not due`);
}

/** A call that was out when another was refused arrives still, later on a machine that is short of time. */
const ON_THE_WIRE_MS = 800;
/** How much sooner than it says a Retry-After may seem to end, by the clock of the log. */
const SOONER_MS = 250;
/** A process that was stopped may still be at what it had in hand. */
const AFTER_A_STOP_MS = 1_000;

function withinTheLimit({ sandbox, limit, retryAfter }: Verdict): string[] {
  const calls = sandbox.calls();
  const times = calls.map(({ at }) => at);
  const busiest = limit === undefined ? 0 : busiestWindow(times, limit.windowMs);
  const over =
    limit !== undefined && busiest > limit.calls ? [`${busiest} calls in ${limit.windowMs} ms`] : [];
  if (retryAfter === undefined) return over;
  const { ms, excused = [] } = retryAfter;
  const isExcused = (at: number) =>
    excused.some(({ from, to }) => from < at + ms && to > at - AFTER_A_STOP_MS);
  const early = calls
    .filter(({ status, time }) => status === 429 && !isExcused(Date.parse(time)))
    .flatMap(({ at }) => times.filter((time) => time > at + ON_THE_WIRE_MS && time < at + ms - SOONER_MS));
  return early.length > 0 ? [...over, `${early.length} calls before Retry-After had passed`] : over;
}

function ledgerIsOmni({ sandbox, people, setAside = [], ledger }: Verdict): string[] {
  if (ledger === undefined) return [];
  const accounts = new Map(sandbox.state().users.map(({ userName, id }) => [userName, id]));
  const linked = new Map(
    ledger.links.flatMap((link) => (link.state === 'active' ? [[link.sourceId, link.omniId]] : [])),
  );
  const judged = people.filter(({ id }) => !setAside.includes(id));
  const waits = { outbox: ledger.outbox, intents: ledger.intents };
  return [
    ...judged.flatMap(({ id, email }) =>
      linked.get(id) === accounts.get(email) ? [] : [`the link of ${id} is another account`],
    ),
    ...[...linked.keys()].flatMap((id) =>
      people.some((person) => person.id === id) || setAside.includes(id) ? [] : [`${id} is linked as active`],
    ),
    ...(setAside.length === 0 && waits.outbox + waits.intents > 0
      ? [`still waiting: ${JSON.stringify(waits)}`]
      : []),
  ];
}

function outsidersUntouched({ sandbox, outsiders = [] }: Verdict): string[] {
  const now = new Map(sandbox.state().users.map((user) => [user.id, user]));
  return outsiders.flatMap((before) =>
    isDeepStrictEqual(now.get(before.id), before) ? [] : [`${before.userName} was touched`],
  );
}
