/**
 * B6: from the request to bring one person in step, over HTTP, to the write that reaches Omni, less what a bare POST takes;
 * idle, and behind a backlog of ten thousand. Both ends are read on this process's clock, in which the sandbox lives.
 */
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import axios, { type AxiosInstance } from 'axios';
import {
  type Installation,
  type InstallationOptions,
  openInstallation,
  type Person,
  personOf,
  somePeople,
} from './installation.ts';
import { endInOrder, type Launched, until } from './process.ts';
import { percentile, report } from './report.ts';

const PEOPLE = 100;
const ROUNDS = 200;
const GOAL_MS = 15;
const BACKLOG = 10_000;
const BEHIND_ROUNDS = 30;
const SLOWLY = 600;
const RESYNC = '/api/syncs/acme/resync';
const httpAgent = new Agent({ keepAlive: true });

interface Served {
  readonly place: Installation;
  readonly daemon: Launched;
  readonly api: AxiosInstance;
}

async function serve(people: readonly Person[], options: InstallationOptions = {}): Promise<Served> {
  const place = await openInstallation(options);
  place.people(people);
  const daemon = place.start('start');
  const { url } = await daemon.said('listening');
  const token = readFileSync(join(place.folder, 'data', 'server-token'), 'utf8').trim();
  const headers = { authorization: `Bearer ${token}` };
  return { place, daemon, api: axios.create({ baseURL: String(url), headers, httpAgent }) };
}

async function close({ place, daemon }: Served): Promise<void> {
  await endInOrder(daemon);
  await place.close();
}

/** Milliseconds from `ask` to the write about this address that it leads to. */
async function reached(
  { sandbox }: Installation,
  email: string,
  ask: () => Promise<unknown>,
): Promise<number> {
  const seen = sandbox.calls().length;
  const began = Date.now();
  await ask();
  const write = () =>
    sandbox.calls(seen).find(({ userName, method }) => userName === email && method !== 'GET');
  await until(() => write() !== undefined, 2);
  return Date.parse(write()?.time ?? '') - began;
}

/** Somebody new each time. */
async function idle(): Promise<{ resyncs: number[]; posts: number[] }> {
  const served = await serve(somePeople(PEOPLE));
  const { place, api, daemon } = served;
  await until(() => place.sandbox.state().users.length === PEOPLE);
  await daemon.said('started');
  const omni = axios.create({ baseURL: `${place.sandbox.url}/api/scim/v2`, httpAgent });
  const headers = { authorization: 'Bearer omni-sandbox-key' };
  const [resyncs, posts]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const { id, email } = personOf(PEOPLE + round);
    place.people(somePeople(PEOPLE + round + 1));
    resyncs.push(await reached(place, email, () => api.post(RESYNC, { user: id })));
    const direct = { userName: `direct.${round}@example.com`, displayName: 'Direct' };
    posts.push(await reached(place, direct.userName, () => omni.post('/users', direct, { headers })));
  }
  await close(served);
  return { resyncs, posts };
}

/** At so many requests a minute that a slot comes each tenth of a second; the person is the last of all. */
async function behind(): Promise<number[]> {
  const served = await serve(somePeople(BACKLOG), { requestsPerMinute: SLOWLY });
  const { place, api } = served;
  await until(async () => (await place.redis.hlen('{omni-sync:acme}:outbox')) > BACKLOG - 100);
  await until(() => place.sandbox.state().users.length > 20);
  const waits: number[] = [];
  for (let round = 0; round < BEHIND_ROUNDS; round++) {
    const { id, email } = personOf(BACKLOG - 1 - round);
    waits.push(await reached(place, email, () => api.post(RESYNC, { user: id })));
  }
  await close(served);
  return waits;
}

const ms = (values: readonly number[], share: number) => percentile(values, share);
const { resyncs, posts } = await idle();
const [less50, less99] = [ms(resyncs, 0.5) - ms(posts, 0.5), ms(resyncs, 0.99) - ms(posts, 0.5)];
report({
  bench: 'B6',
  what: `resync of one new person over HTTP → the POST at Omni, idle, less a direct POST (${ROUNDS} rounds, ${PEOPLE} to ${PEOPLE + ROUNDS} people in the file)`,
  figure: `p50 ${less50} ms, p99 ${less99} ms`,
  goal: `p99 ≤ ${GOAL_MS} ms`,
  met: less99 <= GOAL_MS,
});
const waits = await behind();
report({
  bench: 'B6',
  what: `the same behind a backlog of ${BACKLOG.toLocaleString('en')} in a file of as many, a slot each ${60_000 / SLOWLY} ms (${BEHIND_ROUNDS} rounds)`,
  figure: `p50 ${ms(waits, 0.5)} ms, p99 ${ms(waits, 0.99)} ms`,
});
