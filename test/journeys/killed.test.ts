/** kill -9 anywhere: the next run ends in the same state, with nobody twice and nobody lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { it, type Journey, type Person, somePeople } from '../support/journey.ts';
import { killRunAtRandom } from '../support/kill-at-random.ts';
import { expectLedgerEqual } from '../support/ledger.ts';
import { creations, expectInStep } from '../support/verdict.ts';

const PEOPLE = somePeople(40, { office: 'Berlin' });
/** More than one bulk of jobs. */
const CROWD = somePeople(620, { office: 'Berlin' });

const REGION = { sandbox: { attributes: [{ name: 'region' }] }, users: 'attributes: { region: office }' };

async function expectQuiet(journey: Journey, people: readonly Person[]): Promise<void> {
  const { code, stderr } = await journey.cli('run');
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expectInStep(journey.sandbox, people);
  expect([...creations(journey.sandbox).values()].every((count) => count === 1)).toBe(true);
  await expectLedgerEqual(journey, people);
  journey.sandbox.clearCalls();
  expect((await journey.cli('run')).code).toBe(0);
  expect(journey.sandbox.calls()).toEqual([]);
}

describe.concurrent('a run that is killed', () => {
  it.for([
    ['reconcile.outbox', 1, PEOPLE],
    ['reconcile.read', 1, PEOPLE],
    ['apply.taken', 3, PEOPLE],
    ['apply.intent', 5, PEOPLE],
    ['apply.answered', 5, PEOPLE],
    ['apply.committed', 5, PEOPLE],
    ['reconcile.jobs', 1, CROWD],
  ] as const)('at %s (%i) converges', async ([step, nth, people], { install }) => {
    const journey = await install(people, REGION);
    const { signal } = await journey.crashRun(step, nth).ended;
    expect(signal).toBe('SIGKILL');
    await expectQuiet(journey, people);
  });

  it('with the POST on the wire converges', async ({ install }) => {
    const journey = await install(PEOPLE, REGION);
    journey.sandbox.fault({ method: 'POST', skip: 4, times: 1, fault: { kind: 'delayAfter', ms: 60_000 } });
    const { child, ended } = journey.start('run');
    while (creations(journey.sandbox).size < 5) await sleep(10);
    child.kill('SIGKILL');
    await ended;
    await expectQuiet(journey, PEOPLE);
  });

  it('at random moments, again and again, converges', async ({ install }) => {
    const journey = await install(PEOPLE, REGION);
    for (let round = 0; round < 12; round++) await killRunAtRandom(journey);
    await expectQuiet(journey, PEOPLE);
  });
});
