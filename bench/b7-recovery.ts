/**
 * B7: how long a person waits whose process was killed in the midst of their call, until another process takes them up; and
 * from a Redis that is back to the first call. Both from the sandbox's own log.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Installation, openInstallation, type Person, somePeople } from './installation.ts';
import { endInOrder, type Launched, until } from './process.ts';
import { report, spread } from './report.ts';

const KILLS = 9;
const OUTAGES = 5;
const AWAY_MS = 5_000;
const HANGS_MS = 120_000;

/** A worker holds one person's POST in its hands, and dies; another one is there. */
async function redelivery(place: Installation, holder: Launched, round: number): Promise<number> {
  const people = somePeople(round + 1);
  const last = people.at(-1) as Person;
  place.sandbox.fault({ fault: { kind: 'delay', ms: HANGS_MS }, method: 'POST', times: 1 });
  place.people(people);
  await place.cli('resync');
  const about = () => place.sandbox.calls().filter(({ userName }) => userName === last.email);
  await until(() => about().length > 0);
  // Anywhere between two renewals of its lock and two looks of the others.
  await sleep(Math.random() * 5_000);
  const before = about().length;
  const killed = performance.now();
  holder.child.kill('SIGKILL');
  await until(() => about().length > before, 5);
  const waited = (performance.now() - killed) / 1000;
  place.sandbox.clearFaults();
  await until(() => place.sandbox.state().users.length === people.length);
  return waited;
}

async function worker(place: Installation): Promise<Launched> {
  const started = place.start('start', '--role', 'worker');
  await started.said('started');
  return started;
}

async function kills(): Promise<number[]> {
  const place = await openInstallation();
  place.people([]);
  const scheduler = place.start('start', '--role', 'scheduler');
  await scheduler.said('started');
  const waits: number[] = [];
  let holder = await worker(place);
  for (let round = 0; round < KILLS; round++) {
    const next = worker(place);
    waits.push(await redelivery(place, holder, round));
    holder = await next;
  }
  await Promise.all([scheduler, holder].map(endInOrder));
  await place.close();
  return waits;
}

async function outages(): Promise<number[]> {
  const place = await openInstallation({ requestsPerMinute: 600 });
  place.people(somePeople(2_000));
  const daemon = place.start('start');
  await until(() => place.sandbox.state().users.length > 10);
  const waits: number[] = [];
  for (let round = 0; round < OUTAGES; round++) {
    await place.server.kill();
    await sleep(AWAY_MS + Math.random() * 3_000);
    const seen = place.sandbox.calls().length;
    await place.server.start();
    const back = performance.now();
    await until(() => place.sandbox.calls().length > seen, 5);
    waits.push((performance.now() - back) / 1000);
    await sleep(2_000);
  }
  await endInOrder(daemon);
  await place.close();
  return waits;
}

const waits = await kills();
const [middle = 0, longest = 0] = [
  waits.toSorted((a, b) => a - b)[Math.floor(KILLS / 2)],
  Math.max(...waits),
];
report({
  bench: 'B7',
  what: `from kill -9 of the process that has a person in hand to the next call about them (${KILLS} kills)`,
  figure: `${spread(waits, 1)} s`,
  goal: 'median ≤ 12 s, longest ≤ 15 s',
  met: middle <= 12 && longest <= 15,
});
const returns = await outages();
report({
  bench: 'B7',
  what: `from Redis being back to the first call (${OUTAGES} outages of 5 to 8 s)`,
  figure: `${spread(returns, 1)} s`,
  goal: '≤ 3 s',
  met: Math.max(...returns) <= 3,
});
