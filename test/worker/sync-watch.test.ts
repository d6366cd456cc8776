import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchSync } from '../../worker/sync-watch.ts';
import { person } from '../support/people.ts';
import { employ, rigsOfFile } from './living.ts';
import type { Rig } from './rig.ts';

const rigWith = rigsOfFile();
/** More than a slot of the rig's schedule. */
const SLOT_MS = 16 * 60_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function watchOf(rig: Rig) {
  const watch = watchSync({
    sync: { ...rig.parts(), close: () => Promise.resolve() },
    settled: Promise.resolve(),
    loops: () => [],
    starting: () => [],
    stop: () => Promise.resolve(),
  });
  return async () => {
    vi.advanceTimersByTime(SLOT_MS);
    return watch.look({ redisUpMs: 0 });
  };
}

const beginNext = (rig: Rig, n: number) => rig.ledger.runs.begin(`next ${n}`, new Date());

it('sees that reads end where each look finds the next one begun', async () => {
  const rig = await rigWith();
  await employ(rig, 2);
  const look = watchOf(rig);
  for (let n = 0; n < 6; n++) {
    await rig.reconcile();
    await beginNext(rig, n);
    const { unready, convergedAt } = await look();
    expect({ unready, since: convergedAt }).toEqual({ unready: [], since: expect.any(Number) });
  }
});

it('says that no read ends where they begin alone', async () => {
  const rig = await rigWith();
  await employ(rig, 2);
  const look = watchOf(rig);
  await look();
  for (let n = 0; n < 3; n++) {
    await beginNext(rig, n);
    await look();
  }
  expect((await look()).unready).toEqual(['silence.read']);
});

it('sees that others are carried out, in run after run, while one person waits', async () => {
  const rig = await rigWith();
  await employ(rig, 2);
  rig.people.set([person(0), person(1), person(2)]);
  await rig.reconcile();
  const look = watchOf(rig);
  for (let n = 0; n < 6; n++) {
    const { id } = await rig.reconcile();
    await rig.redis.hincrby(rig.keys.run(id), 'applied', 1);
    const { unready, status } = await look();
    expect({ unready, waiting: status.waiting }).toEqual({ unready: [], waiting: 1 });
  }
});
