/** A Redis cluster of three nodes: no script and no queue ever asks for keys of two. Row 17 of the matrix. */
import { execFileSync } from 'node:child_process';
import { Cluster } from 'ioredis';
import { afterAll, describe, expect } from 'vitest';
import { it, somePeople } from '../support/journey.ts';
import { readLedgerOf } from '../support/ledger.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { endInOrder, until } from '../support/service.ts';
import { freePort } from './free-port.ts';
import { eachSecond } from './installation.ts';
import { expectInvariants } from './invariants.ts';

const closers: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

/** Three masters that have all slots; their ports. */
async function clusterOfThree(): Promise<number[]> {
  const nodes: TestRedis[] = [];
  const ports: number[] = [];
  for (let node = 0; node < 3; node++) {
    const port = await freePort();
    const bus = await freePort();
    const args = ['--port', String(port), '--cluster-enabled', 'yes', '--cluster-port', String(bus)];
    nodes.push(await startRedis({ args }));
    ports.push(port);
  }
  closers.push(() => Promise.all(nodes.map((node) => node.stop())));
  const hosts = ports.map((port) => `127.0.0.1:${port}`);
  execFileSync('redis-cli', ['--cluster', 'create', ...hosts, '--cluster-yes']);
  await until(async () => (await nodes[0]?.client().cluster('INFO'))?.includes('cluster_state:ok') === true);
  return ports;
}

describe('a cluster', () => {
  it('of three nodes carries two syncs through hires, moves, a leaver, a killed process and one asked for by hand', async ({
    install,
  }) => {
    const ports = await clusterOfThree();
    const people = somePeople(30);
    const journey = await install(people, { requestsPerMinute: 3_000 });
    const urls = JSON.stringify(ports.map((port) => `redis://127.0.0.1:${port}`));
    journey.configure((yaml) => {
      const full = eachSecond(yaml).replace('policy: upsert', 'policy: full');
      const leavers = '    leavers: { action: deactivate, grace: 1s, limit: 5 }\n';
      const other = (full.split('syncs:\n')[1] ?? '')
        .replace('acme', 'other')
        .replaceAll('.csv', '.none.csv');
      return `redis: { cluster: ${urls} }\n${full}${leavers}${other}${leavers}`;
    });
    journey.write('people.none.csv', 'id,email,name,office\n');
    const first = journey.start('start');
    await until(() => journey.sandbox.state().users.length >= 10);
    first.child.kill('SIGKILL');
    const { stderr: early } = await first.ended;
    const service = journey.start('start');
    await until(() => journey.sandbox.state().users.length === people.length);
    const moved = people
      .slice(1)
      .map((person, at) => (at < 5 ? { ...person, name: `${person.name} II` } : person));
    journey.people(moved);
    const left = people[0]?.email;
    await until(() => journey.sandbox.calls().some(({ removed, userName }) => removed && userName === left));
    expect((await journey.cli('resync', '--user', 'E5', '--wait')).code).toBe(0);
    await until(async () => (await journey.cli('status')).code === 0);
    await endInOrder(service);
    const { stderr } = await service.ended;
    expect(`${early}${stderr}`).not.toContain('CROSSSLOT');
    const cluster = new Cluster(ports.map((port) => ({ host: '127.0.0.1', port })));
    closers.push(() => cluster.disconnect());
    const ledger = await readLedgerOf(cluster as unknown as Parameters<typeof readLedgerOf>[0]);
    expectInvariants({
      sandbox: journey.sandbox,
      people: moved,
      ledger,
      mayLeave: (userName) => userName === left,
    });
  });
});
