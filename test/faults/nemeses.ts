/** Carries out what a day of the random campaign has in store, against real processes; undoes what does not end by itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Journey, Process } from '../support/journey.ts';
import type { TestRedis } from '../support/redis.ts';
import type { Company } from './company.ts';
import type { Hour, Nemesis } from './day.ts';

/** What faults strike. */
export interface Arena {
  readonly journey: Journey;
  readonly redis: TestRedis;
  readonly company: Company;
  /** The daemons that run; a nemesis that ends one puts another in its place. */
  readonly daemons: Process[];
}

type Strike<Kind extends Nemesis['kind']> = (
  arena: Arena,
  nemesis: Extract<Nemesis, { readonly kind: Kind }>,
  lastsMs: number,
) => Promise<void>;

const KEY = 'omni-sandbox-key';

const STRIKES: { readonly [Kind in Nemesis['kind']]: Strike<Kind> } = {
  killDaemon: (arena, { which }) => replaced(arena, which, 'SIGKILL'),
  endDaemon: (arena, { which }) => replaced(arena, which, 'SIGTERM'),
  async freezeDaemon({ daemons }, { which }, lastsMs) {
    const { child } = daemons[which % daemons.length] as Process;
    child.kill('SIGSTOP');
    await sleep(lastsMs);
    child.kill('SIGCONT');
  },
  async killRedis({ redis }, _nemesis, lastsMs) {
    await redis.kill();
    await sleep(lastsMs);
    await redis.start();
  },
  async freezeRedis({ redis }, _nemesis, lastsMs) {
    process.kill(redis.pid, 'SIGSTOP');
    await sleep(lastsMs);
    process.kill(redis.pid, 'SIGCONT');
  },
  fillRedis: (arena, _nemesis, lastsMs) => configured(arena, ['maxmemory', '1mb', '0'], lastsMs),
  evictRedis: (arena, _nemesis, lastsMs) =>
    configured(arena, ['maxmemory-policy', 'allkeys-lru', 'noeviction'], lastsMs),
  async wipeRedis({ redis }) {
    await withClient(redis, (client) => client.flushall());
  },
  async revokeKey({ journey }, _nemesis, lastsMs) {
    journey.sandbox.revokeKey(KEY);
    await sleep(lastsMs);
    journey.sandbox.addKey(KEY);
    await journey.cli('resume');
  },
  async cutDirectory({ journey, company }, _nemesis, lastsMs) {
    const text = company.csv();
    // In the middle of a row: a cut between two is no cut.
    const middle = text.lastIndexOf('\n', text.length / 2) - 3;
    journey.write('people.csv', text.slice(0, middle));
    await sleep(lastsMs);
    journey.write('people.csv', text);
  },
  async noDirectory({ journey, company }, _nemesis, lastsMs) {
    journey.write('people.csv', '');
    await sleep(lastsMs);
    journey.write('people.csv', company.csv());
  },
  async dieAtStep({ journey }, { step, nth }, lastsMs) {
    const { child, ended } = journey.crashRun(step, nth);
    await Promise.race([ended, sleep(4_000 + lastsMs)]);
    child.kill('SIGKILL');
    await ended;
  },
  async omni({ journey }, { kind: _kind, ...rule }) {
    journey.sandbox.fault(rule);
  },
};

/** One hour of a day. */
export async function strike(arena: Arena, { quietMs, nemesis, lastsMs }: Hour): Promise<void> {
  await sleep(quietMs);
  const act = STRIKES[nemesis.kind] as Strike<Nemesis['kind']>;
  await act(arena, nemesis as never, lastsMs);
}

async function replaced({ journey, daemons }: Arena, which: number, signal: NodeJS.Signals): Promise<void> {
  const at = which % daemons.length;
  const { child, ended } = daemons[at] as Process;
  child.kill(signal);
  if (signal === 'SIGKILL') await ended;
  daemons[at] = journey.start('start');
}

async function configured(
  { redis }: Arena,
  [name, during, after]: readonly [name: string, during: string, after: string],
  lastsMs: number,
): Promise<void> {
  await withClient(redis, async (client) => {
    await client.config('SET', name, during);
    await sleep(lastsMs);
    await client.config('SET', name, after);
  });
}

/** Works with a connection of its own. */
export async function withClient(
  redis: TestRedis,
  work: (client: ReturnType<TestRedis['client']>) => Promise<unknown>,
): Promise<void> {
  const client = redis.client();
  await work(client);
  client.disconnect();
}
