/**
 * B3: CPU for each person provisioned, beside a raw loop of axios and p-limit in the same run. Each is run with few and with
 * many people in turn; the slope is what a person costs, start-up left out.
 */
import { type Installation, openInstallation, somePeople } from './installation.ts';
import { used } from './process.ts';
import { median, report, spread } from './report.ts';

const ROUNDS = 3;
const FEW = 500;
const MANY = 3_500;
const OPTIONS = {
  attributes: { region: 'office', team: 'team' },
  sandbox: { attributes: [{ name: 'region' }, { name: 'team' }] },
};

interface Spent {
  /** Of the program, and of its Redis, in seconds. */
  readonly program: number;
  readonly redis: number;
}

async function product(count: number): Promise<Spent> {
  const place = await openInstallation(OPTIONS);
  place.people(somePeople(count));
  const before = await redisCpu(place);
  const { code, cpuSeconds } = await place.cli('run', '--json');
  if (code !== 0 || place.sandbox.state().users.length !== count) throw new Error(`run ended with ${code}`);
  const redis = (await redisCpu(place)) - before;
  await place.close();
  return { program: cpuSeconds, redis };
}

async function naive(count: number): Promise<Spent> {
  const place = await openInstallation(OPTIONS);
  place.people(somePeople(count));
  const args = [place.sandbox.url, 'omni-sandbox-key', place.directoryFile];
  const { code, cpuSeconds } = await used('bench/naive-loop.js', args);
  if (code !== 0 || place.sandbox.state().users.length !== count)
    throw new Error(`the loop ended with ${code}`);
  await place.close();
  return { program: cpuSeconds, redis: 0 };
}

async function redisCpu({ redis }: Installation): Promise<number> {
  const info = await redis.info('cpu');
  const field = (name: string) => Number(new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]);
  return field('used_cpu_user') + field('used_cpu_sys');
}

/** Microseconds a person. */
async function slope(work: (count: number) => Promise<Spent>): Promise<Spent> {
  const few = await work(FEW);
  const many = await work(MANY);
  const each = (a: number, b: number) => ((b - a) / (MANY - FEW)) * 1e6;
  return { program: each(few.program, many.program), redis: each(few.redis, many.redis) };
}

const ours: Spent[] = [];
const theirs: Spent[] = [];
for (let round = 0; round < ROUNDS; round++) {
  ours.push(await slope(product));
  theirs.push(await slope(naive));
}
const ratios = ours.map(({ program }, i) => program / (theirs[i]?.program ?? Number.NaN));
report({
  bench: 'B3',
  what: `CPU a person created, of the program, over a raw axios and p-limit loop (${ROUNDS} rounds)`,
  figure: `${spread(ratios)}×`,
  goal: '≤ 1.0×',
  met: median(ratios) <= 1,
});
report({
  bench: 'B3',
  what: 'the program, µs CPU a person',
  figure: spread(
    ours.map(({ program }) => program),
    0,
  ),
});
report({
  bench: 'B3',
  what: 'the raw loop, µs CPU a person',
  figure: spread(
    theirs.map(({ program }) => program),
    0,
  ),
});
report({
  bench: 'B3',
  what: 'Redis beside the program, µs CPU a person',
  figure: spread(
    ours.map(({ redis }) => redis),
    0,
  ),
});
