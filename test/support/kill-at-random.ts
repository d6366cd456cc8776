/** kill -9 at a moment that nobody chose: mostly amid the calls of a run, else as it begins. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ended, Journey } from './journey.ts';

const LOOK_MS = 2;
const MOST_CALLS = 8;
const MOST_MS_AFTER = 15;
/** One in so many dies by time alone: as it starts, reads, or has nothing to do. */
const BY_TIME = 4;

/** Starts a run and kills it. Returns how it ended: it may have been done before. */
export async function killRunAtRandom(journey: Journey): Promise<Ended> {
  const seen = journey.sandbox.calls().at(-1)?.seq ?? 0;
  const { child, ended } = journey.start('run');
  if (Math.random() < 1 / BY_TIME) await sleep(300 + Math.random() * 900);
  else {
    const enough = 1 + Math.random() * MOST_CALLS;
    const lives = () => child.exitCode === null && child.signalCode === null;
    while (lives() && journey.sandbox.calls(seen).length < enough) await sleep(LOOK_MS);
    await sleep(Math.random() * MOST_MS_AFTER);
  }
  child.kill('SIGKILL');
  return ended;
}
