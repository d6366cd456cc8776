/** What the service, and a run, notice of their Redis while they run, and what they do then. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect } from 'vitest';
import { syncKeys } from '../../ledger/keys.ts';
import { createRuns } from '../../ledger/runs.ts';
import { it, type Journey, type JourneyOptions, type Person, somePeople } from '../support/journey.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { endInOrder, listen, until } from '../support/service.ts';
import { creations, expectInStep } from '../support/verdict.ts';

type Install = (people: readonly Person[], options?: JourneyOptions) => Promise<Journey>;

const servers: TestRedis[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

/** An installation that looks at its directory each second, with a Redis of its own. */
async function withRedis(install: Install, people: readonly Person[], options: JourneyOptions = {}) {
  const server = await startRedis();
  servers.push(server);
  const journey = await install(people, options);
  journey.configure(
    (yaml) =>
      `redis: { url: ${server.path} }\n${yaml.replace('policy:', 'schedule: "* * * * * *"\n    policy:')}`,
  );
  return { journey, redis: server.client() };
}

describe.concurrent('a service', () => {
  it('whose blocking connections are killed goes on within 60 s', async ({ install }) => {
    const { journey, redis } = await withRedis(install, somePeople(2));
    const service = journey.start('start');
    await until(() => journey.sandbox.state().users.length === 2);
    const blocking = async () => {
      const clients = String(await redis.client('LIST')).split('\n');
      return clients
        .filter((line) => line.includes('cmd=bzpopmin'))
        .map((line) => /id=(\d+)/.exec(line)?.[1]);
    };
    await until(async () => (await blocking()).length >= 2);
    for (const id of await blocking()) await redis.client('KILL', 'ID', Number(id));
    journey.people(somePeople(5));
    await until(() => journey.sandbox.state().users.length === 5, 60_000);
    await endInOrder(service);
  });

  it('pauses while Redis would evict, and goes on when it would not', async ({ install }) => {
    const { journey, redis } = await withRedis(install, somePeople(2));
    const service = journey.start('start');
    const said = listen(service);
    await until(() => journey.sandbox.state().users.length === 2);
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await said(
      'Redis would drop what it is given: nothing is read and nothing is sent until it is noeviction',
    );
    const calls = journey.sandbox.calls().length;
    journey.people(somePeople(6));
    await sleep(3_000);
    expect(journey.sandbox.calls().length).toBe(calls);
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
    await said('Redis takes everything again');
    await until(() => journey.sandbox.state().users.length === 6);
    await endInOrder(service);
  });

  it('adds nothing to a Redis that is nearly full, and carries out what waits', async ({ install }) => {
    const first = somePeople(90);
    const { journey, redis } = await withRedis(install, first, { requestsPerMinute: 400 });
    const service = journey.start('start');
    const said = listen(service);
    await until(() => creations(journey.sandbox).size >= 5);
    const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
    await redis.config('SET', 'maxmemory', Math.ceil(used / 0.78));
    await said('Redis is nearly full: nothing new is written, what waits is carried out');
    journey.people(somePeople(95));
    await until(() => creations(journey.sandbox).size >= 90);
    await sleep(3_000);
    expectInStep(journey.sandbox, first);
    await redis.config('SET', 'maxmemory', 0);
    await said('Redis takes everything again');
    await until(() => creations(journey.sandbox).size === 95);
    await endInOrder(service);
  });

  it('ends at SIGTERM with 500 jobs waiting: status 0 in 30 s, nobody stalled, nobody lost', async ({
    install,
  }) => {
    const people = somePeople(500);
    const { journey, redis } = await withRedis(install, people, { requestsPerMinute: 3_000 });
    journey.sandbox.fault({ method: 'POST', path: '/api/scim/v2/users', fault: { kind: 'delay', ms: 300 } });
    const service = journey.start('start');
    await until(() => creations(journey.sandbox).size >= 40);
    const since = performance.now();
    await endInOrder(service);
    expect(performance.now() - since).toBeLessThan(30_000);
    expect(creations(journey.sandbox).size).toBeLessThan(500);
    const prefix = '{omni-sync:acme}:apply';
    expect(await redis.llen(`${prefix}:active`)).toBe(0);
    expect(await redis.hlen('{omni-sync:acme}:intents')).toBe(0);
    // A reconcile that looked before a commit may have written down again who is in Omni by now: a job of theirs does nothing.
    const rows = Object.values(await redis.hgetall('{omni-sync:acme}:outbox'));
    const made = creations(journey.sandbox);
    const waits = people.filter(({ email }) => rows.some((row) => row.includes(`"${email}"`)));
    expect(new Set([...made.keys(), ...waits.map(({ email }) => email)]).size).toBe(500);
    journey.sandbox.clearFaults();
    const next = journey.start('start');
    await until(() => journey.sandbox.state().users.length === 500);
    await endInOrder(next);
    expectInStep(journey.sandbox, people);
    expect([...creations(journey.sandbox).values()].every((count) => count === 1)).toBe(true);
  });

  it('says what keeps it from sending, and when that is over', async ({ install }) => {
    const { journey } = await withRedis(install, somePeople(5));
    journey.sandbox.fault({ fault: { kind: 'status', status: 503 } });
    await journey.cli('pause');
    const service = journey.start('start');
    const said = listen(service);
    await said('an operator has paused it: nothing is sent until resume');
    await journey.cli('resume');
    await said('an operator has resumed it');
    await said('Omni does not answer: one request at a time looks whether it does again');
    journey.sandbox.clearFaults();
    await said('Omni answers again');
    await until(() => journey.sandbox.state().users.length === 5);
    await endInOrder(service);
  });

  it('ends at once at a second SIGTERM', async ({ install }) => {
    const { journey } = await withRedis(install, somePeople(20));
    journey.sandbox.fault({
      method: 'POST',
      path: '/api/scim/v2/users',
      fault: { kind: 'delay', ms: 15_000 },
    });
    const service = journey.start('start');
    const said = listen(service);
    const isPost = ({ method }: { method: string }) => method === 'POST';
    await until(() => journey.sandbox.calls().some(isPost) || service.child.exitCode !== null);
    service.child.kill('SIGTERM');
    await said('stopping');
    service.child.kill('SIGTERM');
    const since = performance.now();
    expect((await service.ended).code).toBe(1);
    // The calls that are out take 15 s.
    expect(performance.now() - since).toBeLessThan(12_000);
  });
});

describe.concurrent('a run', () => {
  it('in a Redis that is nearly full reads nothing new, carries out what waits, and says how to mend it', async ({
    install,
  }) => {
    const first = somePeople(60);
    const { journey, redis } = await withRedis(install, first, { requestsPerMinute: 400 });
    const begun = journey.start('run');
    await until(() => creations(journey.sandbox).size >= 5);
    begun.child.kill('SIGTERM');
    expect((await begun.ended).code).toBe(1);
    const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
    await redis.config('SET', 'maxmemory', Math.ceil(used / 0.78));
    journey.people(somePeople(65));
    const full = await journey.cli('run', '--json');
    expect(full).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/filled to \d\d % of its maxmemory: .*CONFIG SET maxmemory/),
    });
    expect(JSON.parse(full.stdout)).toMatchObject({ syncs: [{ waiting: 0 }] });
    expectInStep(journey.sandbox, first);
    const links = await journey.cli('links', 'import', join(journey.folder, 'none'));
    expect(links).toMatchObject({ code: 1, stderr: expect.stringContaining('filled to') });
    await redis.config('SET', 'maxmemory', 0);
    expect((await journey.cli('run')).code).toBe(0);
    expect(creations(journey.sandbox).size).toBe(65);
  });

  it('tells of itself, and ends by itself, where another one has begun meanwhile', async ({ install }) => {
    const { journey, redis } = await withRedis(install, somePeople(1));
    const slow = { kind: 'delay', ms: 3_000 } as const;
    journey.sandbox.fault({ method: 'POST', path: '/api/scim/v2/users', fault: slow });
    const { ended } = journey.start('run', '--json');
    await until(() => journey.sandbox.calls().some(({ method }) => method === 'POST'));
    await createRuns(redis, syncKeys('acme')).begin('another', new Date());
    const { code, stdout } = await ended;
    const [status] = JSON.parse(stdout).syncs;
    expect({ code, status }).toMatchObject({
      code: 0,
      status: { inStep: 1, run: { applied: 1, ended: true } },
    });
  });

  it('whose jobs Redis has lost reads again, and carries out who waits', async ({ install }) => {
    const people = somePeople(40);
    const { journey, redis } = await withRedis(install, people, { requestsPerMinute: 300 });
    const running = journey.start('run');
    await until(() => creations(journey.sandbox).size >= 5);
    // As a failover to a replica that lags loses them.
    const lost = (await redis.keys('{omni-sync:acme}:apply:*')).filter((key) => !key.endsWith(':meta'));
    await redis.del(...lost);
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('reading again') });
    expectInStep(journey.sandbox, people);
    expect([...creations(journey.sandbox).values()].every((count) => count === 1)).toBe(true);
  });
});
