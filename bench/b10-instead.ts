/**
 * B10: beside what a user would write instead, the thirty lines of nightly-loop.ts: calls, minutes at Omni's 60 a minute, and
 * what each does when it is killed, when a page of the directory is missing, when the key is refused.
 */
import { type Installation, openInstallation, somePeople } from './installation.ts';
import { type Launched, launch, until } from './process.ts';
import { report } from './report.ts';

const PEOPLE = 1_000;
const CHANGED = 50;
/** Of a directory whose last page went missing without a word. */
const LEFT = 700;
const KEY = 'omni-sandbox-key';

/** One of the two: starts on an installation, and is waited for. */
interface Way {
  readonly start: (place: Installation) => Launched;
  readonly open: () => Promise<Installation>;
}

const open = () => openInstallation({ policy: 'full', settings: ['leavers: { grace: 0s }'] });
const OURS: Way = { start: (place) => place.start('run'), open };
const SCRIPT: Way = {
  start: (place) => launch('bench/nightly-loop.js', [place.sandbox.url, KEY, place.directoryFile]),
  open,
};

interface Night {
  readonly calls: number;
  readonly code: number | null;
}

async function night(way: Way, place: Installation): Promise<Night> {
  const { code } = await way.start(place).ended;
  return { calls: place.takeCalls(), code };
}

/** Everybody is in Omni. */
async function settled(way: Way): Promise<Installation> {
  const place = await way.open();
  place.people(somePeople(PEOPLE));
  const { code } = await night(way, place);
  if (code !== 0) throw new Error(`the first run ended with ${code}`);
  return place;
}

const minutes = (calls: number) => `${calls} calls, ${Math.ceil(calls / 60)} min`;

async function firstRun(way: Way): Promise<string> {
  const place = await way.open();
  place.people(somePeople(PEOPLE));
  const { calls } = await night(way, place);
  await place.close();
  return minutes(calls);
}

async function ordinaryNight(way: Way, changed: number): Promise<string> {
  const place = await settled(way);
  place.people(somePeople(PEOPLE).map((one, i) => (i < changed ? { ...one, name: `${one.name} II` } : one)));
  const { calls, code } = await night(way, place);
  if (code !== 0) throw new Error(`the night ended with ${code}`);
  await place.close();
  return minutes(calls);
}

async function killed(way: Way): Promise<string> {
  const place = await way.open();
  place.people(somePeople(PEOPLE));
  const { child, ended } = way.start(place);
  await until(() => place.sandbox.state().users.length >= PEOPLE / 2, 2);
  child.kill('SIGKILL');
  await ended;
  const { calls } = await night(way, place);
  const twice = place.sandbox.state().users.length - PEOPLE;
  await place.close();
  return `${minutes(calls)} in all, ${twice} accounts twice`;
}

async function pageMissing(way: Way): Promise<string> {
  const place = await settled(way);
  place.people(somePeople(LEFT));
  await night(way, place);
  const taken = place.sandbox.state().users.filter(({ active }) => !active).length;
  await place.close();
  return `${taken} people taken away`;
}

async function keyRefused(way: Way): Promise<string> {
  const place = await settled(way);
  place.people(somePeople(PEOPLE).map((one) => ({ ...one, name: `${one.name} II` })));
  place.sandbox.revokeKey(KEY);
  const { calls, code } = await night(way, place);
  await place.close();
  return `${calls} calls refused, status ${code}`;
}

async function compare(what: string, measure: (way: Way) => Promise<string>): Promise<void> {
  const [ours, theirs] = [await measure(OURS), await measure(SCRIPT)];
  report({ bench: 'B10', what, figure: `${ours}; the script ${theirs}` });
}

await compare(`first run of ${PEOPLE} people; minutes at 60 requests a minute`, firstRun);
await compare('a night on which nothing has changed', (way) => ordinaryNight(way, 0));
await compare(`a night on which ${CHANGED} have changed`, (way) => ordinaryNight(way, CHANGED));
await compare('killed half-way through the first run, and run again', killed);
await compare(`policy full without a grace, and the directory shows ${LEFT} of ${PEOPLE}`, pageMissing);
await compare(`the key is refused, ${PEOPLE} have changed`, keyRefused);
