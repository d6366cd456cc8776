/**
 * B2: how much of the budget a backlog uses, and whether any window ever holds more than the limit, counted from the
 * sandbox's own log; beside a BullMQ worker with BullMQ's own limiter. In real minutes: the run takes ten of them.
 */
import type { Call } from '../sandbox/calls.ts';
import { busiestWindow } from '../sandbox/limiter.ts';
import { type Installation, openInstallation, somePeople } from './installation.ts';
import { endInOrder, launch, until } from './process.ts';
import { report } from './report.ts';

const WAITING = 600;
const LIMIT = 60;
const WINDOW_MS = 60_000;
const ONE = ['omni-sandbox-key'];
const KEYS = [...ONE, 'omni-sandbox-key-2'];

interface Found {
  /** Of what the limit allowed from the first POST to the last, as a share. */
  readonly used: number;
  /** The busiest window of any key, over the limit. */
  readonly busiest: number;
  readonly refused: number;
}

async function open(keys: readonly string[]): Promise<Installation> {
  return openInstallation({
    keys,
    requestsPerMinute: (LIMIT * 60_000) / WINDOW_MS,
    sandbox: { requestsPerMinute: LIMIT, windowMs: WINDOW_MS },
  });
}

function found(calls: readonly Call[], keys: number): Found {
  const posts = calls.filter(({ committed }) => committed).map(({ at }) => at);
  const allowed = ((Math.max(...posts) - Math.min(...posts)) / WINDOW_MS) * LIMIT * keys;
  const windows = [...new Set(calls.map(({ key }) => key))].map((name) => {
    const own = calls.filter(({ key }) => key === name).map(({ at }) => at);
    return busiestWindow(own, WINDOW_MS);
  });
  return {
    used: (posts.length - 1) / allowed,
    busiest: Math.max(...windows) / LIMIT,
    refused: calls.filter(({ status }) => status === 429).length,
  };
}

/** One of those that are compared: everything is up, and nobody has been sent. */
interface Ready {
  readonly what: string;
  /** Whether the goal is its. */
  readonly judged: boolean;
  /** Sends all who wait. */
  go(): Promise<Found>;
}

const IN = `${LIMIT} requests in ${WINDOW_MS / 1000} s`;

/** All is paused until everyone waits and every process runs: start-up is not what is measured. */
async function product(processes: number, keys: readonly string[], what: string): Promise<Ready> {
  const place = await open(keys);
  place.people(somePeople(WAITING));
  await place.cli('pause');
  const daemons = Array.from({ length: processes }, () => place.start('start'));
  await Promise.all(daemons.map((daemon) => daemon.said('started')));
  await until(async () => (await place.redis.hlen('{omni-sync:acme}:outbox')) === WAITING);
  const go = async () => {
    await place.cli('resume');
    const calls = await sent(place);
    await Promise.all(daemons.map(endInOrder));
    await place.close();
    return found(calls, keys.length);
  };
  return { what, judged: true, go };
}

async function bullmq(): Promise<Ready> {
  const place = await open(ONE);
  const args = [place.server.path, place.sandbox.url, ...ONE, WAITING, LIMIT, WINDOW_MS].map(String);
  const go = async () => {
    const worker = launch('bench/bullmq-limiter.js', args);
    const calls = await sent(place);
    await endInOrder(worker);
    await place.close();
    return found(calls, 1);
  };
  return { what: `a BullMQ worker with BullMQ's own limiter, the same ${WAITING}`, judged: false, go };
}

/** Every call until all are there. */
async function sent({ sandbox }: Installation): Promise<readonly Call[]> {
  let seen = -1;
  await until(() => {
    const before = seen;
    seen = sandbox.calls().length;
    return seen === before && sandbox.calls().filter(({ committed }) => committed).length >= WAITING;
  }, 1_000);
  return sandbox.calls();
}

function tell({ what, judged }: Ready, { used, busiest, refused }: Found): void {
  const figure = `${(used * 100).toFixed(1)} % used, busiest window ${busiest.toFixed(2)}× the limit, ${refused} × 429`;
  const goal = '≥ 98 %, ≤ 1.00×, no 429';
  const met = used >= 0.98 && busiest <= 1 && refused === 0;
  report({ bench: 'B2', what, figure, ...(judged && { goal, met }) });
}

// Side by side: each makes a few calls a second, and all have the same machine.
const all = [
  await product(1, ONE, `${WAITING} waiting at ${IN}, 1 process`),
  await product(2, ONE, `${WAITING} waiting at ${IN}, 2 processes`),
  await product(5, ONE, `${WAITING} waiting at ${IN}, 5 processes`),
  await product(2, KEYS, `${WAITING} waiting, two keys of ${IN}, 2 processes`),
  await bullmq(),
];
const figures = await Promise.all(all.map((one) => one.go()));
figures.forEach((figure, i) => {
  tell(all[i] as Ready, figure);
});
