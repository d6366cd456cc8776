/** B1: requests to Omni beside the fewest that could do, counted from the sandbox's own log. */
import { type Installation, openInstallation, type Person, somePeople } from './installation.ts';
import { report } from './report.ts';

const PEOPLE = 1_000;
const CHANGED = 50;
const NEW = 100;
const RENAMED = 2_000;
const KILLS = 20;
const ATTRIBUTES = { region: 'office' };
const SANDBOX = { attributes: [{ name: 'region' }] };

function tell(what: string, calls: number, bound: number): void {
  const goal = `${bound}`;
  report({ bench: 'B1', what, figure: `${calls} calls`, goal, met: calls <= bound });
}

async function run(place: Installation): Promise<number> {
  const { code, stdout } = await place.cli('run');
  if (code !== 0) throw new Error(`run ended with ${code}: ${stdout}`);
  return place.takeCalls();
}

/** Creates at speed, so that what follows has somebody to work on. */
async function seeded(people: readonly Person[], options = {}): Promise<Installation> {
  const place = await openInstallation({ attributes: ATTRIBUTES, sandbox: SANDBOX, ...options });
  place.people(people);
  await run(place);
  return place;
}

async function everyday(): Promise<void> {
  const people = somePeople(PEOPLE);
  const place = await openInstallation({ attributes: ATTRIBUTES, sandbox: SANDBOX });
  place.people(people);
  tell(
    `first run, empty instance, ${PEOPLE} people: a list page, the definitions, a POST each`,
    await run(place),
    PEOPLE + 2,
  );
  tell('nothing changed', await run(place), 0);
  place.people(people.map((person, i) => (i < CHANGED ? { ...person, office: 'Moved' } : person)));
  tell(`${CHANGED} of ${PEOPLE} changed`, await run(place), CHANGED);
  await place.redis.flushall();
  // Lists do not show attributes: adopted people get one blind PATCH (docs/architecture.md); the definitions are read again.
  tell(
    'ledger lost, attributes mapped: list pages, the definitions, a PATCH each',
    await run(place),
    PEOPLE / 100 + 1 + PEOPLE,
  );
  await place.close();
}

async function existing(): Promise<void> {
  const place = await seeded(somePeople(PEOPLE), { attributes: {} });
  await place.redis.flushall();
  tell(`ledger lost, no attributes mapped, ${PEOPLE} people`, await run(place), PEOPLE / 100);
  await place.redis.flushall();
  place.people(somePeople(PEOPLE + NEW));
  tell(`first run on an instance of ${PEOPLE} people, ${NEW} new`, await run(place), PEOPLE / 100 + NEW);
  await place.close();
}

async function renames(): Promise<void> {
  const people = somePeople(RENAMED);
  const place = await seeded(people, { attributes: {} });
  place.people(people.map((person) => ({ ...person, email: `renamed.${person.email}` })));
  tell(`${RENAMED} renames`, await run(place), RENAMED);
  await place.close();
}

/** Killed at random moments of a first run of people, again and again; then left alone. */
async function crashStorm(): Promise<void> {
  const place = await openInstallation({
    requestsPerMinute: 6_000,
    attributes: ATTRIBUTES,
    sandbox: SANDBOX,
  });
  place.people(somePeople(PEOPLE));
  let kills = 0;
  while (kills < KILLS) {
    const { child, ended } = place.start('run');
    const before = place.sandbox.calls().length;
    while (place.sandbox.calls().length < before + 10 + 2 * kills && child.exitCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (child.exitCode === null) kills++;
    child.kill('SIGKILL');
    await ended;
    if (place.sandbox.state().users.length >= PEOPLE) break;
  }
  await run(place);
  const all = place.sandbox.calls().length;
  const twice = place.sandbox.state().users.length - PEOPLE;
  const ratio = all / (PEOPLE + 2);
  report({
    bench: 'B1',
    what: `${kills} kill -9 in a first run of ${PEOPLE} people, ${twice} accounts too many`,
    figure: `${all} calls, ${ratio.toFixed(3)}× the fewest`,
    goal: '≤ 1.05×',
    met: ratio <= 1.05 && twice === 0,
  });
  await place.close();
}

await everyday();
await existing();
await renames();
await crashStorm();
