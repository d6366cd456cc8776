/** Processes of the product that die, freeze, or have a wrong clock. Rows 9, 21, 22 and 24 of the matrix. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect } from 'vitest';
import { it, type Journey, type JourneyOptions, type Process, somePeople } from '../support/journey.ts';
import { expectLedgerEqual, readLedger } from '../support/ledger.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { endInOrder, listen, until } from '../support/service.ts';
import { creations } from '../support/verdict.ts';
import { expectConverged, installOn, SLOWLY, takingAway } from './installation.ts';
import { expectInvariants } from './invariants.ts';

const PEOPLE = somePeople(40);
const IMPORT = `--import=${fileURLToPath(new URL('shim.mjs', import.meta.url))}`;
const HOUR_MS = 3_600_000;
const servers: TestRedis[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

async function redisServer(): Promise<TestRedis> {
  const server = await startRedis();
  servers.push(server);
  return server;
}

/** What makes its processes load shim.mjs with these settings. */
const shimmed = (env: Readonly<Record<string, string>>): JourneyOptions => ({
  env: { NODE_OPTIONS: IMPORT, ...env },
});

/** Whether SIGSTOP has reached it: proc(5), the state. */
function stands({ child }: Process): boolean {
  return /^\d+ \(.*\) T/.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8'));
}

async function failed(journey: Journey): Promise<unknown> {
  const { stdout } = await journey.cli('failed', '--json');
  return (JSON.parse(stdout) as { syncs: { failed: unknown }[] }).syncs[0]?.failed;
}

describe.concurrent('a process', () => {
  it('that a poison record kills each time sets it aside, and serves everybody else', async ({ install }) => {
    const server = await redisServer();
    const options = { ...SLOWLY, ...shimmed({ FAULT_POISON: 'Person Number 7"' }) };
    const journey = await installOn(server.path, install, PEOPLE, options);
    let deaths = 0;
    const endsByItself = async () => {
      const { code, signal } = await journey.start('run').ended;
      if (signal === 'SIGKILL') deaths++;
      expect(deaths).toBeLessThan(10);
      return code !== null;
    };
    for (let ends = 0; ends < 3; ) if (await endsByItself()) ends++;
    expect(deaths).toBeGreaterThanOrEqual(2);
    console.log(`the poison record killed ${deaths} processes before it was set aside for good`);
    expect(await failed(journey)).toMatchObject([{ sourceId: 'E7', code: 'job.poison', until: 'change' }]);
    const people = PEOPLE.filter(({ id }) => id !== 'E7');
    expectInvariants({ sandbox: journey.sandbox, people });
  });

  it('whose event loop stands still past its locks creates nobody twice', async ({ install }) => {
    const server = await redisServer();
    const options = { ...SLOWLY, ...shimmed({ FAULT_BLOCK_MS: '15000' }) };
    const journey = await installOn(server.path, install, PEOPLE, options);
    const first = journey.start('start');
    await listen(first)('started');
    const second = journey.start('start');
    await until(() => creations(journey.sandbox).size >= 5);
    first.child.kill('SIGUSR2');
    await until(() => creations(journey.sandbox).size === PEOPLE.length);
    await sleep(15_000);
    await Promise.all([endInOrder(first), endInOrder(second)]);
    await expectConverged(journey, PEOPLE, { redis: server.client() });
  });

  it('that is stopped while it holds the lease, past its end, writes nothing of the old read', async ({
    install,
  }) => {
    const journey = await install(PEOPLE);
    expect((await journey.cli('run')).code).toBe(0);
    const older = PEOPLE.map((person) => ({ ...person, name: `${person.name} the Older` }));
    journey.people(older);
    const stopped = journey.crashRun('reconcile.outbox', 1, 'SIGSTOP');
    const lane = journey.sandbox.calls().length;
    await until(() => stands(stopped));
    const newer = PEOPLE.map((person) => ({ ...person, name: `${person.name} the Newer` }));
    journey.people(newer);
    const { code, stderr } = await journey.cli('run');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const before = journey.sandbox.calls().length;
    expect(before - lane).toBeGreaterThanOrEqual(PEOPLE.length);
    stopped.child.kill('SIGCONT');
    await stopped.ended;
    expectInvariants({ sandbox: journey.sandbox, people: newer, ledger: await readLedger(journey) });
    await expectLedgerEqual(journey, newer);
  });

  it('that is stopped with the audit record in hand keeps nobody from going on', async ({ install }) => {
    const journey = await install(PEOPLE);
    const stopped = journey.crashRun('apply.answered', 3, 'SIGSTOP');
    await until(() => stands(stopped));
    const { code, stderr } = await journey.cli('run');
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('has it in hand and stands still'),
    });
    stopped.child.kill('SIGCONT');
    await stopped.ended;
    expectInvariants({ sandbox: journey.sandbox, people: PEOPLE, ledger: await readLedger(journey) });
    const { stdout } = await journey.cli('audit', 'verify');
    expect(stdout).toContain('whole');
  });

  it('whose clock is two hours from that of its neighbour keeps to the same pause, and reads on after a step back', async ({
    install,
  }) => {
    const server = await redisServer();
    const options = { ...SLOWLY, ...shimmed({ FAULT_STEP_MS: String(-HOUR_MS) }) };
    const journey = await installOn(server.path, install, PEOPLE, options);
    const headers = { 'retry-after': '3' };
    journey.sandbox.fault({
      method: 'POST',
      skip: 15,
      times: 1,
      fault: { kind: 'status', status: 429, headers },
    });
    const daemons = [HOUR_MS, -HOUR_MS].map((skew) =>
      journey.shell(`FAULT_SKEW_MS=${skew} exec "$@"`, 'start'),
    );
    await until(() => creations(journey.sandbox).size === PEOPLE.length);
    const more = somePeople(60);
    for (const { child } of daemons) child.kill('SIGUSR2');
    journey.people(more);
    await until(() => creations(journey.sandbox).size === more.length, 60_000);
    await Promise.all(daemons.map(endInOrder));
    await expectConverged(journey, more, { redis: server.client(), retryAfter: { ms: 3_000 } });
  });

  it.for([
    ['an hour ahead', HOUR_MS],
    ['an hour behind', -HOUR_MS],
  ] as const)(
    'whose clock is %s waits out Retry-After and the grace, and takes no wrong turn',
    async ([, skew], { install }) => {
      const journey = await install(PEOPLE, { ...SLOWLY, ...shimmed({ FAULT_SKEW_MS: String(skew) }) });
      journey.configure((yaml) => takingAway(yaml, 'action: deactivate, grace: 30m'));
      const headers = { 'retry-after': '3' };
      journey.sandbox.fault({
        method: 'POST',
        skip: 5,
        times: 1,
        fault: { kind: 'status', status: 429, headers },
      });
      const { code, stderr } = await journey.cli('run');
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expectInvariants({ sandbox: journey.sandbox, people: PEOPLE, retryAfter: { ms: 3_000 } });
      journey.people(PEOPLE.slice(1));
      for (let run = 0; run < 2; run++) expect((await journey.cli('run')).code).toBe(0);
      expectInvariants({ sandbox: journey.sandbox, people: PEOPLE });
    },
  );
});
