/** Redis dies, fills up, fails over, is demoted or is not reached in the middle of the work. Rows 10 to 18 of the matrix. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect } from 'vitest';
import { syncKeys } from '../../ledger/keys.ts';
import { it, somePeople } from '../support/journey.ts';
import { readLedgerOf } from '../support/ledger.ts';
import { type MovingAddress, startMovingAddress } from '../support/moving-address.ts';
import { startRedis, type TestRedis, type TestRedisOptions } from '../support/redis.ts';
import { endInOrder, until } from '../support/service.ts';
import { creations } from '../support/verdict.ts';
import { freePort } from './free-port.ts';
import { expectConverged, installOn, SLOWLY, takingAway } from './installation.ts';

const PEOPLE = somePeople(50);
const closers: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(closers.map((close) => close())));

async function redisServer(options?: TestRedisOptions): Promise<TestRedis> {
  const server = await startRedis(options);
  closers.push(() => server.stop());
  return server;
}

/** Two servers, the second a replica of the first that has caught up, and an address that leads to the first. */
async function pair(): Promise<{
  master: TestRedis;
  replica: TestRedis;
  port: number;
  address: MovingAddress;
}> {
  const port = await freePort();
  const master = await redisServer({ args: ['--port', String(port)] });
  const replica = await redisServer({ args: ['--replicaof', `127.0.0.1 ${port}`] });
  await until(async () => (await replica.client().info('replication')).includes('master_link_status:up'));
  const address = await startMovingAddress(master);
  closers.push(() => address.stop());
  return { master, replica, port, address };
}

const at = ({ port }: MovingAddress) => `redis://127.0.0.1:${port}`;

describe.concurrent('Redis', () => {
  it.for([3, 20])(
    'killed and back after %i s is called upon again, with no restart',
    async (seconds, { install }) => {
      const server = await redisServer();
      const journey = await installOn(server.path, install, PEOPLE.slice(0, 20));
      const service = journey.start('start');
      await until(() => creations(journey.sandbox).size === 20);
      await server.kill();
      journey.people(PEOPLE);
      await sleep(seconds * 1_000);
      await server.start();
      await until(() => creations(journey.sandbox).size === PEOPLE.length);
      await endInOrder(service);
      await expectConverged(journey, PEOPLE, { redis: server.client() });
    },
  );

  it('failed over to a replica that lags creates nobody twice', async ({ install }) => {
    const { master, replica, address } = await pair();
    const journey = await installOn(at(address), install, PEOPLE, SLOWLY);
    const running = journey.start('run');
    await until(() => creations(journey.sandbox).size >= 10);
    // From here on it hears nothing of its master, and keeps what it has.
    await replica.client().replicaof('127.0.0.1', 1);
    await until(() => creations(journey.sandbox).size >= 30);
    await master.kill();
    await replica.client().replicaof('NO', 'ONE');
    address.lead(replica);
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    await expectConverged(journey, PEOPLE, { redis: replica.client() });
  });

  it('failed over to a replica that lags takes away who is gone, and nobody who was back by then', async ({
    install,
  }) => {
    const { master, replica, address } = await pair();
    const journey = await installOn(at(address), install, PEOPLE);
    const graceMs = 15_000;
    journey.configure((yaml) => takingAway(yaml, `action: delete, grace: ${graceMs / 1000}s, limit: 1000`));
    const service = journey.start('start');
    await until(() => creations(journey.sandbox).size === PEOPLE.length);
    const left = Date.now();
    journey.people(PEOPLE.slice(4));
    await until(async () => (await replica.client().hlen(syncKeys('acme').leavers)) === 4);
    await replica.client().replicaof('127.0.0.1', 1);
    const back = PEOPLE.slice(2);
    journey.people(back);
    const isGone = ({ removed }: { removed: boolean }) => removed;
    await until(() => journey.sandbox.calls().filter(isGone).length === 2);
    await master.kill();
    await replica.client().replicaof('NO', 'ONE');
    address.lead(replica);
    const people = [...back, ...somePeople(PEOPLE.length + 3).slice(PEOPLE.length)];
    journey.people(people);
    // Their grace begins anew: nobody knows any more that they are away already.
    const client = replica.client();
    const gone = PEOPLE.slice(0, 2).map(({ email }) => email);
    await until(async () => {
      const { links } = await readLedgerOf(client);
      return (
        links.length > people.length &&
        !links.some((link) => link.state === 'active' && gone.includes(link.userName))
      );
    });
    await endInOrder(service);
    const mayLeave = (email: string, when: number) => gone.includes(email) && when >= left + graceMs;
    await expectConverged(journey, people, { redis: client, mayLeave });
  });

  it('made a replica under a run is left for its new master', async ({ install }) => {
    const { master, replica, address } = await pair();
    const journey = await installOn(at(address), install, PEOPLE, SLOWLY);
    const running = journey.start('run');
    await until(() => creations(journey.sandbox).size >= 10);
    address.lead(replica, { cut: false });
    await replica.client().replicaof('NO', 'ONE');
    await master.client().replicaof('127.0.0.1', 1);
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    await expectConverged(journey, PEOPLE, { redis: replica.client() });
  });

  it('that evicts refuses the start, with no call', async ({ install }) => {
    const server = await redisServer({ args: ['--maxmemory-policy', 'allkeys-lru'] });
    const journey = await installOn(server.path, install, PEOPLE);
    const { code, stderr } = await journey.cli('start');
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('noeviction') });
    expect(journey.sandbox.calls()).toEqual([]);
  });

  it('out of memory in a run is waited for, and nobody is set aside', async ({ install }) => {
    const server = await redisServer();
    const journey = await installOn(server.path, install, PEOPLE, SLOWLY);
    const running = journey.start('run');
    await until(() => creations(journey.sandbox).size >= 10);
    await server.client().config('SET', 'maxmemory', '1mb');
    await sleep(4_000);
    await server.client().config('SET', 'maxmemory', 0);
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    await expectConverged(journey, PEOPLE, { redis: server.client() });
  });

  it('behind a network that swallows everything for 12 s sends no POST twice', async ({ install }) => {
    const server = await redisServer();
    const address = await startMovingAddress(server);
    closers.push(() => address.stop());
    const journey = await installOn(at(address), install, PEOPLE, SLOWLY);
    const running = journey.start('run');
    await until(() => creations(journey.sandbox).size >= 10);
    await address.hold(12_000);
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    await expectConverged(journey, PEOPLE, { redis: server.client() });
  });
});
