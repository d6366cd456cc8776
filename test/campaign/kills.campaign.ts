/**
 * The long proof: kill -9 at random moments and at every named step, again and again, while people come and change;
 * then quiet, and a verdict by what Omni saw. `KILLS=500 npm run campaign -- campaign/kills` (the default is 40),
 * in installations of 50 kills each.
 */
import { describe, expect } from 'vitest';
import { it, type Journey, type Person, somePeople } from '../support/journey.ts';
import { killRunAtRandom } from '../support/kill-at-random.ts';
import { expectLedgerEqual } from '../support/ledger.ts';
import { creations, expectInStep } from '../support/verdict.ts';

const KILLS = Number(process.env.KILLS ?? 40);
const KILLS_OF_EACH = 50;
const KILLS_BETWEEN_VERDICTS = 10;
const STEPS = [
  'reconcile.outbox',
  'reconcile.jobs',
  'reconcile.read',
  'apply.taken',
  'apply.intent',
  'apply.answered',
  'apply.committed',
];
const REGION = { sandbox: { attributes: [{ name: 'region' }] }, users: 'attributes: { region: office }' };

const some = (limit: number) => Math.floor(Math.random() * limit);

let renames = 0;

/** One in ten moves to another office, often back to where they were; one in fifty gets another address. */
function changed(person: Person): Person {
  if (some(50) === 0) return { ...person, email: `renamed.${++renames}@example.com` };
  return some(10) === 0 ? { ...person, office: `Office ${some(3)}` } : person;
}

/** Five join, and some change. */
function grown(people: readonly Person[]): Person[] {
  return [
    ...people.map(changed),
    ...somePeople(people.length + 5, { office: 'Berlin' }).slice(people.length),
  ];
}

/** Half die at a step, half at a moment. Returns whether it died: a short run may end before. */
async function killOnce(journey: Journey): Promise<boolean> {
  if (some(2) === 0) {
    const { signal } = await journey.crashRun(STEPS[some(STEPS.length)] ?? '', 1 + some(3)).ended;
    return signal === 'SIGKILL';
  }
  return (await killRunAtRandom(journey)).signal === 'SIGKILL';
}

async function expectVerdict(journey: Journey, people: readonly Person[]): Promise<void> {
  const { code, stderr } = await journey.cli('run');
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expectInStep(journey.sandbox, people);
  expect([...creations(journey.sandbox).values()].filter((count) => count !== 1)).toEqual([]);
  await expectLedgerEqual(journey, people);
}

describe.concurrent(`${KILLS} kills`, () => {
  it.for(Array.from({ length: Math.ceil(KILLS / KILLS_OF_EACH) }, (_, at) => at + 1))(
    'leave nobody twice and nobody behind (installation %i)',
    async (at, { install }) => {
      let people = somePeople(20, { office: 'Berlin' });
      const journey = await install(people, REGION);
      const kills = Math.min(KILLS_OF_EACH, KILLS - (at - 1) * KILLS_OF_EACH);
      for (let killed = 0; killed < kills; ) {
        const died = await killOnce(journey);
        people = grown(people);
        journey.people(people);
        if (!died) continue;
        killed++;
        if (killed % KILLS_BETWEEN_VERDICTS === 0) await expectVerdict(journey, people);
      }
      await expectVerdict(journey, people);
      console.log(`installation ${at}: ${kills} kills, ${people.length} people, in step`);
    },
  );
});
