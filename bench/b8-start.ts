/** B8: from the start of the service to ready, from SIGTERM to its end, and its memory when there is nothing to do. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Installation, openInstallation, somePeople } from './installation.ts';
import { type Launched, until } from './process.ts';
import { report, spread } from './report.ts';

const ROUNDS = 5;
const PEOPLE = 1_000;
const IDLE_MS = 10_000;

/** Resident memory, in MiB. */
function memoryOf({ child }: Launched): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

async function stop({ child, ended }: Launched): Promise<number> {
  return timed(async () => {
    child.kill('SIGTERM');
    const { code } = await ended;
    if (code !== 0) throw new Error(`the service ended with ${code}`);
  });
}

async function started(place: Installation): Promise<{ daemon: Launched; ready: number }> {
  const daemon = place.start('start');
  const ready = await timed(async () => {
    const { url } = await daemon.said('listening');
    await until(async () => (await fetch(`${url}/readyz`)).ok, 5);
  });
  return { daemon, ready };
}

const place = await openInstallation();
place.people(somePeople(PEOPLE));
if ((await place.cli('run')).code !== 0) throw new Error('the first run failed');
const [starts, idleStops, memory]: [number[], number[], number[]] = [[], [], []];
for (let round = 0; round < ROUNDS; round++) {
  const { daemon, ready } = await started(place);
  starts.push(ready);
  await sleep(IDLE_MS);
  memory.push(memoryOf(daemon));
  idleStops.push(await stop(daemon));
}
const busyStops: number[] = [];
place.sandbox.fault({ fault: { kind: 'delay', ms: 500 } });
for (let round = 1; round <= ROUNDS; round++) {
  place.people(somePeople(PEOPLE).map((one) => ({ ...one, name: `${one.name} ${round}` })));
  const seen = place.sandbox.calls().length;
  const { daemon } = await started(place);
  await until(() => place.sandbox.calls().length > seen + 20);
  busyStops.push(await stop(daemon));
}
await place.close();
const tell = (what: string, figure: string) => report({ bench: 'B8', what, figure });
tell(
  `from start to ready, ${PEOPLE} people in step, their directory read (${ROUNDS} starts)`,
  `${spread(starts, 0)} ms`,
);
tell('from SIGTERM to the end, idle', `${spread(idleStops, 0)} ms`);
tell('from SIGTERM to the end, calls of 500 ms in flight', `${spread(busyStops, 0)} ms`);
tell(`memory of the service, all roles, ${IDLE_MS / 1000} s after its start`, `${spread(memory, 0)} MiB`);
