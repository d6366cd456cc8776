/** One seed of the random campaign: its day, then quiet, and the verdict. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Journey, JourneyOptions } from '../support/journey.ts';
import { everyKey, expectKeptWell, expectNothingPlanted } from '../support/leaks.ts';
import { readLedgerOf } from '../support/ledger.ts';
import type { TestRedis } from '../support/redis.ts';
import { until } from '../support/service.ts';
import { creations } from '../support/verdict.ts';
import { GRACE_MS, openCompany } from './company.ts';
import { type Day, drawFrom, type Hour, RETRY_AFTER_MS, THROTTLE } from './day.ts';
import { eachSecond, takingAway } from './installation.ts';
import { type Span, violations } from './invariants.ts';
import { KEPT_SEEDS } from './kept-seeds.ts';
import { type Arena, strike, withClient } from './nemeses.ts';

const WINDOW_MS = 5_000;

/** A day that once found something is lived as it was then. */
const isOneOf = (count: number, { seed }: Day) => seed % count === 0 && !KEPT_SEEDS.includes(seed);

/**
 * 20 requests a second, held to in each five; late arrivals are spared as in test/journeys/replicas.test.ts. On one day of
 * three 3, which all wait for all day long: two daemons that each kept a budget of their own would send twice as many.
 */
function limitOf(day: Day): { readonly requestsPerMinute: number; readonly calls: number } {
  return isOneOf(3, day) ? { requestsPerMinute: 180, calls: 22 } : { requestsPerMinute: 1_200, calls: 115 };
}

/** What the installation of a day needs. */
export function optionsOf(day: Day): JourneyOptions {
  const { requestsPerMinute, calls } = limitOf(day);
  return {
    requestsPerMinute,
    timeout: '3s',
    sandbox: {
      attributes: [{ name: 'region' }],
      requestsPerMinute: calls,
      windowMs: WINDOW_MS,
      revokedPost: 'create',
    },
    users: 'attributes: { region: office }\nactive: office != "left"\nwhere: office != "elsewhere"',
  };
}

const OUTSIDERS = ['visitor.1', 'visitor.2', 'visitor.3'].map((name) => ({
  userName: `${name}@example.com`,
  displayName: 'Nobody of the Directory',
}));

/** Lives through the day and judges what is left of it. @throws with the seed and the day where an invariant is violated */
export async function live(day: Day, journey: Journey, redis: TestRedis): Promise<void> {
  const leavers = `action: ${day.action}, grace: ${GRACE_MS / 1000}s, limit: 1000`;
  journey.write('redis.key', 'what-the-ledger-is-sealed-with-in-the-random-campaign');
  const sealed = isOneOf(2, day);
  const key = sealed ? ', encryptionKeyFile: ./redis.key' : '';
  journey.configure(
    (yaml) => `redis: { url: "${redis.path}"${key} }\n${eachSecond(takingAway(yaml, leavers))}`,
  );
  journey.sandbox.seed(OUTSIDERS);
  const outsiders = journey.sandbox.state().users;
  const company = openCompany(journey);
  // Before anything else strikes: who calls too soon then has no excuse.
  journey.sandbox.fault({ method: 'POST', skip: 3, times: 1, fault: THROTTLE });
  const daemons = Array.from({ length: day.daemons }, () => journey.start('start'));
  const arena: Arena = { journey, redis, company, daemons };
  await until(() => creations(journey.sandbox).size >= 8);
  const draw = drawFrom(-day.seed);
  const wipes = day.hours.some(({ nemesis }) => nemesis.kind === 'wipeRedis');
  const forgotten = new Set<string>();
  const excused: Span[] = [];
  for (const hour of day.hours) {
    // A ledger that is lost takes the old address of a rename with it: that person would be somebody new.
    company.goOn(draw, !wipes);
    const from = Date.now() + hour.quietMs;
    await strike(arena, hour);
    if (makesLateCalls(hour)) excused.push({ from, to: Date.now() });
    if (wipes) for (const id of company.everAway()) forgotten.add(id);
    await withClient(redis, async (client) => expectKept(await everyKey(client), sealed));
  }
  // Whoever resumes says that what Omni has asked for need not be waited for.
  excused.push({ from: Date.now(), to: Number.POSITIVE_INFINITY });
  await quiet(arena);
  await expectDone(journey, forgotten);
  const verdict = {
    sandbox: journey.sandbox,
    people: company.wanted(),
    setAside: [...forgotten],
    outsiders,
    mayLeave: company.mayLeave,
    limit: { calls: limitOf(day).calls, windowMs: WINDOW_MS },
    retryAfter: { ms: RETRY_AFTER_MS, excused },
    ledger: await readLedgerOf(redis.client()),
  };
  expect({ day, violations: violations(verdict) }).toEqual({ day, violations: [] });
  expectKept(await everyKey(redis.client()), sealed);
}

/** People where they are kept, secrets nowhere; `sealed`: and nobody to be read but in the links. */
function expectKept(kept: ReadonlyMap<string, string>, sealed: boolean): void {
  expectKeptWell(kept);
  if (sealed) for (const [key, dump] of kept) if (!/:links:\d+$/.test(key)) expectNothingPlanted(key, dump);
}

/** A process that was stopped sends what it had in hand when it goes on; a Redis that was wiped knows of no pause. */
function makesLateCalls({ nemesis }: Hour): boolean {
  return ['freezeDaemon', 'freezeRedis', 'wipeRedis', 'killRedis', 'revokeKey'].includes(nemesis.kind);
}

/**
 * Nothing strikes any more; what an operator would do is done, and runs go on until those whose time has come are away.
 * Three graces: an account that a broken-off create has made is found first, then its person is seen to be gone, then it is taken away (seed 99).
 */
async function quiet({ journey }: Arena): Promise<void> {
  journey.sandbox.clearFaults();
  await journey.kill();
  await journey.cli('resume');
  await journey.cli('run');
  await journey.cli('retry', '--all');
  for (let graces = 0; graces < 3; graces++) {
    await sleep(GRACE_MS);
    await journey.cli('run');
  }
}

/** Nothing fails any more but, where the ledger was lost, who has been away: nobody knows then that it was us who took them away. */
async function expectDone(journey: Journey, forgotten: ReadonlySet<string>): Promise<void> {
  const { code, stdout, stderr } = await journey.cli('run');
  const { syncs } = JSON.parse((await journey.cli('failed', '--json')).stdout) as FailedReport;
  const failed = syncs.flatMap((sync) => sync.failed).filter(({ sourceId }) => !forgotten.has(sourceId));
  expect(failed, `${stdout}${stderr}`).toEqual([]);
  if (forgotten.size === 0) expect(code, `${stdout}${stderr}`).toBe(0);
}

interface FailedReport {
  readonly syncs: readonly { readonly failed: readonly { readonly sourceId: string }[] }[];
}
