/** B4: a run over a million people of whom nobody has changed, beside the mere parsing and hashing of the same file. */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { type Installation, openInstallation, personOf } from './installation.ts';
import { linkEverybody } from './ledger-of.ts';
import { FIVE_ATTRIBUTES, MAPPING } from './mapping.ts';
import { type Used, used } from './process.ts';
import { median, report, spread } from './report.ts';

const ROUNDS = 3;
const MANY = 1_000_000;
const FEW = 100_000;

async function writePeople(file: string, count: number): Promise<void> {
  const out = createWriteStream(file);
  for (let i = 0; i < count; i++) {
    if (!out.write(`${JSON.stringify(personOf(i))}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

async function commands({ redis }: Installation): Promise<number> {
  const info = await redis.info('commandstats');
  return [...info.matchAll(/^cmdstat_.*?:calls=(\d+)/gm)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

interface Measured {
  readonly runs: readonly Used[];
  readonly parses: readonly Used[];
  readonly hashes: readonly Used[];
  readonly commands: readonly number[];
}

async function measure(count: number): Promise<Measured> {
  const attributes = Object.keys(FIVE_ATTRIBUTES).map((name) => ({ name }));
  const place = await openInstallation({ attributes: FIVE_ATTRIBUTES, sandbox: { attributes } });
  place.people([personOf(0)]);
  if ((await place.cli('run', '--json')).code !== 0) throw new Error('the first run failed');
  await linkEverybody(place.redis, count, MAPPING);
  await writePeople(place.directoryFile, count);
  place.takeCalls();
  const runs: Used[] = [];
  const [parses, hashes]: [Used[], Used[]] = [[], []];
  const counts: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = await commands(place);
    const run = await place.cli('run', '--json');
    counts.push((await commands(place)) - before);
    const [sync] = JSON.parse(run.stdout).syncs;
    if (run.code !== 0 || sync.run.read !== count || place.takeCalls() !== 0) throw new Error(run.stdout);
    runs.push(run);
    parses.push(await used('bench/parse-loop.js', [place.directoryFile]));
    hashes.push(await used('bench/parse-loop.js', [place.directoryFile, 'hash']));
  }
  await place.close();
  return { runs, parses, hashes, commands: counts };
}

const many = await measure(MANY);
const few = await measure(FEW);
const after = many.runs.map(({ cpuSeconds }, i) => cpuSeconds - (many.parses[i]?.cpuSeconds ?? Number.NaN));
const ratios = many.runs.map(({ cpuSeconds }, i) => cpuSeconds / (many.hashes[i]?.cpuSeconds ?? Number.NaN));
const peak = (runs: readonly Used[]) => median(runs.map(({ peakMiB }) => peakMiB));
report({
  bench: 'B4',
  what: 'a run over 1,000,000 unchanged people, CPU seconds over parsing the same NDJSON alone',
  figure: spread(after, 1),
  goal: '≤ 4 s',
  met: median(after) <= 4,
});
report({
  bench: 'B4',
  what: 'CPU of that run over "parse, JSON.stringify, SHA-256"',
  figure: `${spread(ratios)}×`,
});
report({
  bench: 'B4',
  what: 'peak memory of that run (the process with everything)',
  figure: `${peak(many.runs).toFixed(0)} MiB`,
  goal: '≤ 160 MiB',
  met: peak(many.runs) <= 160,
});
report({
  bench: 'B4',
  what: 'peak memory at 1,000,000 over 100,000 people',
  figure: `${(peak(many.runs) / peak(few.runs)).toFixed(2)}× (${peak(few.runs).toFixed(0)} MiB at 100,000)`,
});
report({
  bench: 'B4',
  what: 'Redis commands of the whole run, at 1,000,000 and at 100,000 people',
  figure: `${median(many.commands)} and ${median(few.commands)}`,
});
