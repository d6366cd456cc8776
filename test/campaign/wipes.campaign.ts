/**
 * The long proof of a ledger that is lost: while a run is at work, Redis is wiped at a random moment, or dies and comes back
 * with an older copy, again and again, while people come, change, leave and are back. `WIPES=200 npm run campaign --
 * campaign/wipes` (the default is 20), in installations of 10 losses each.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect } from 'vitest';
import { installOn, SLOWLY, takingAway } from '../faults/installation.ts';
import { expectInvariants } from '../faults/invariants.ts';
import { it, type Journey, type Person, somePeople } from '../support/journey.ts';
import { readLedgerOf } from '../support/ledger.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const WIPES = Number(process.env.WIPES ?? 20);
const WIPES_OF_EACH = 10;
const GRACE_MS = 1_000;
/** A run starts, reads and sends for as long, more or less. */
const LONGEST_MS = 3_500;
const OPTIONS = { ...SLOWLY, sandbox: { revokedPost: 'create' } } as const;

const some = (limit: number) => Math.floor(Math.random() * limit);

const servers: TestRedis[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

/** When the directory was without somebody; wall clock, in milliseconds. */
interface Absence {
  readonly person: Person;
  readonly from: number;
  to: number;
}

interface Company {
  people: Person[];
  joined: number;
  readonly absences: Absence[];
}

/** No run is at work meanwhile: a return is known to every removal that comes later. */
function goOn(company: Company, journey: Journey): void {
  const { absences, people, joined } = company;
  const now = Date.now();
  const leave = new Set(people.filter(() => some(12) === 0));
  const back = absences.filter(({ to }) => to === Number.POSITIVE_INFINITY && some(3) === 0);
  for (const absence of back) absence.to = now;
  absences.push(...[...leave].map((person) => ({ person, from: now, to: Number.POSITIVE_INFINITY })));
  const named = people
    .filter((person) => !leave.has(person))
    .map((person) => (some(6) === 0 ? { ...person, name: `Person Number ${some(1_000)}` } : person));
  company.people = [...named, ...back.map(({ person }) => person), ...somePeople(joined + 2).slice(joined)];
  company.joined += 2;
  journey.people(company.people);
}

const dataOf = ({ folder }: TestRedis) => join(folder, 'appendonlydir');
const copyOf = ({ folder }: TestRedis) => join(folder, 'older');

function copy(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
}

/** Half of the losses leave nothing, half an older copy. */
async function lose(server: TestRedis): Promise<void> {
  if (some(2) === 0) {
    const client = server.client();
    await client.flushall();
    client.disconnect();
    return;
  }
  await server.kill();
  copy(copyOf(server), dataOf(server));
  await server.start();
}

async function expectWell(journey: Journey): Promise<void> {
  const { code, stderr } = await journey.cli('run');
  expect({ code, stderr }).toMatchObject({ code: 0 });
}

async function expectVerdict(journey: Journey, { people, absences }: Company, server: TestRedis) {
  const client = server.client();
  const away = absences.filter(({ to }) => to === Number.POSITIVE_INFINITY);
  expectInvariants({
    sandbox: journey.sandbox,
    people,
    // A ledger that is lost takes with it whose account it was: nobody takes such an account away.
    setAside: away.flatMap(({ person }) => [person.id, person.email]),
    mayLeave: (address, at) =>
      absences.some(({ person, from, to }) => person.email === address && at >= from + GRACE_MS && at <= to),
    ledger: await readLedgerOf(client),
  });
  client.disconnect();
}

let removed = 0;

describe.concurrent(`${WIPES} losses of the ledger`, () => {
  // Else nobody could have been taken away wrongly.
  afterAll(() => expect(removed).toBeGreaterThan(0));

  it.for(Array.from({ length: Math.ceil(WIPES / WIPES_OF_EACH) }, (_, at) => at + 1))(
    'make nobody twice, and take nobody away who is wanted (installation %i)',
    async (at, { install }) => {
      const server = await startRedis();
      servers.push(server);
      const company: Company = { people: somePeople(40), joined: 40, absences: [] };
      const journey = await installOn(server.path, install, company.people, OPTIONS);
      const leavers = `action: delete, grace: ${GRACE_MS / 1000}s, limit: 1000`;
      journey.configure((yaml) => takingAway(yaml, leavers));
      await expectWell(journey);
      copy(dataOf(server), copyOf(server));
      const losses = Math.min(WIPES_OF_EACH, WIPES - (at - 1) * WIPES_OF_EACH);
      for (let lost = 0; lost < losses; lost++) {
        goOn(company, journey);
        const running = journey.start('run');
        await sleep(some(LONGEST_MS));
        await lose(server);
        await running.ended;
        if (some(2) === 0) copy(dataOf(server), copyOf(server));
        await expectWell(journey);
        await sleep(GRACE_MS);
        await expectWell(journey);
        await expectVerdict(journey, company, server);
      }
      const removals = journey.sandbox.calls().filter(({ removed }) => removed).length;
      removed += removals;
      console.log(
        `installation ${at}: ${losses} losses, ${company.absences.length} left, ${removals} removals`,
      );
    },
  );
});
