/** Nothing can be written any more: a full disk under Redis, the audit record and the log; no file descriptors. Rows 15 and 57. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect } from 'vitest';
import { it, somePeople } from '../support/journey.ts';
import { readLedger } from '../support/ledger.ts';
import { startRedis } from '../support/redis.ts';
import { endInOrder, until } from '../support/service.ts';
import { creations } from '../support/verdict.ts';
import { eachSecond, expectConverged, installOn, SLOWLY } from './installation.ts';
import { expectInvariants } from './invariants.ts';
import { smallDisk } from './small-disk.ts';

const PEOPLE = somePeople(50);
const closers: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

function disk(megabytes: number): string {
  const { folder, unmount } = smallDisk(megabytes);
  closers.push(unmount);
  return folder;
}

/** Takes all that is left of a disk; the function that it returns gives it back. */
function fill(folder: string): () => void {
  const path = join(folder, 'filler');
  const file = openSync(path, 'w');
  try {
    for (;;) writeFileSync(file, Buffer.alloc(4_096));
  } catch {
    closeSync(file);
  }
  return () => rmSync(path);
}

describe.concurrent('a full disk', () => {
  it('under the append-only file of Redis is waited for, and nobody is set aside', async ({ install }) => {
    const server = await startRedis({ folder: disk(8), args: ['--auto-aof-rewrite-percentage', '0'] });
    closers.push(() => server.stop());
    const journey = await installOn(server.path, install, PEOPLE, SLOWLY);
    const service = journey.start('start');
    await until(() => creations(journey.sandbox).size >= 10);
    const free = fill(server.folder);
    await until(async () =>
      (await server.client().info('persistence')).includes('aof_last_write_status:err'),
    );
    await sleep(4_000);
    free();
    await until(() => creations(journey.sandbox).size === PEOPLE.length);
    await endInOrder(service);
    await expectConverged(journey, PEOPLE, { redis: server.client() });
  });

  it('under a required audit record stops the writes, and they go on once there is room', async ({
    install,
  }) => {
    const server = await startRedis();
    closers.push(() => server.stop());
    const data = disk(1);
    const journey = await installOn(server.path, install, PEOPLE, SLOWLY);
    journey.configure((yaml) => `dataDir: "${data}"\naudit: { required: true }\n${yaml}`);
    const service = journey.start('start');
    await until(() => creations(journey.sandbox).size >= 10);
    const free = fill(data);
    let before: number;
    // What of the last page is left may take some more entries.
    do {
      before = creations(journey.sandbox).size;
      await sleep(3_000);
    } while (creations(journey.sandbox).size > before);
    expect(before).toBeLessThan(PEOPLE.length);
    free();
    await until(() => creations(journey.sandbox).size === PEOPLE.length);
    await endInOrder(service);
    await expectConverged(journey, PEOPLE, { redis: server.client() });
  });

  it('under the log stops nobody', async ({ install }) => {
    const journey = await install(PEOPLE);
    const { code } = await journey.shell('exec "$@" 2>/dev/full', 'run').ended;
    expect(code).toBe(0);
    expectInvariants({ sandbox: journey.sandbox, people: PEOPLE, ledger: await readLedger(journey) });
  });
});

describe.concurrent('a process', () => {
  it('whose open files are all used up while it runs goes on once there is room', async ({ install }) => {
    const journey = await install(PEOPLE.slice(0, 6));
    journey.configure(eachSecond);
    const service = journey.start('start');
    await until(() => journey.sandbox.state().users.length === 6);
    const { pid } = service.child;
    // What is open goes on, and nothing more: neither the directory's file nor another connection.
    const limit = (files: number) => execFileSync('prlimit', ['--pid', String(pid), `--nofile=${files}:`]);
    limit(3);
    journey.people(PEOPLE);
    await until(() => service.told().includes('EMFILE') || service.child.exitCode !== null);
    expect(service.child.exitCode).toBeNull();
    limit(1024);
    await until(() => creations(journey.sandbox).size === PEOPLE.length);
    await endInOrder(service);
    expect((await journey.cli('run')).code).toBe(0);
    expectInvariants({ sandbox: journey.sandbox, people: PEOPLE, ledger: await readLedger(journey) });
  });
});
