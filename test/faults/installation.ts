/** An installation of a fault case: a Redis of its own that the case may ill-treat, a service that looks each second, and the verdict. */
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import type { Journey, JourneyOptions, Person } from '../support/journey.ts';
import { everyKey, expectKeptWell } from '../support/leaks.ts';
import { readLedgerOf } from '../support/ledger.ts';
import { expectInvariants, type Verdict } from './invariants.ts';

/** Gives an installation; the fixture of test/support/journey.ts. */
export type Install = (people: readonly Person[], options?: JourneyOptions) => Promise<Journey>;

/** 20 requests a second: a run of some dozens takes seconds, so that something can happen in its middle. */
export const SLOWLY = { requestsPerMinute: 1_200 } as const;

/** Its ledger is in the Redis at `url`, and its directory is looked at each second. */
export async function installOn(
  url: string,
  install: Install,
  people: readonly Person[],
  options: JourneyOptions = {},
): Promise<Journey> {
  const journey = await install(people, options);
  journey.configure((yaml) => `redis: { url: "${url}" }\n${eachSecond(yaml)}`);
  return journey;
}

/** A configuration whose directory is looked at each second. */
export function eachSecond(yaml: string): string {
  return yaml.replace('policy:', 'schedule: "* * * * * *"\n    policy:');
}

/** A configuration that takes leavers away, by these settings. */
export function takingAway(yaml: string, leavers: string): string {
  return `${yaml.replace('policy: upsert', 'policy: full')}    leavers: { ${leavers} }\n`;
}

/** One more run ends with status 0, and all invariants hold, the ledger in `redis` among them. */
export async function expectConverged(
  journey: Journey,
  people: readonly Person[],
  { redis, ...more }: Partial<Omit<Verdict, 'ledger'>> & { readonly redis: Redis },
): Promise<void> {
  const { code, stderr } = await journey.cli('run');
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expectInvariants({ sandbox: journey.sandbox, people, ledger: await readLedgerOf(redis), ...more });
  expectKeptWell(await everyKey(redis));
}
