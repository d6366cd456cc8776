import { mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type ConnectOptions, connectRedis, inspectRedis } from '../../ledger/connect.ts';
import { isSyncError, type SyncError } from '../../model/errors.ts';
import { startRedis, type TestRedis, type TestRedisOptions } from '../support/redis.ts';

const ends: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serverWith(options: TestRedisOptions = {}): Promise<TestRedis> {
  const server = await startRedis(options);
  ends.push(() => server.stop());
  return server;
}

async function connected(options: Omit<ConnectOptions, 'onError'>) {
  const redis = await connectRedis({ ...options, onError: () => undefined });
  ends.push(() => redis.disconnect());
  return redis;
}

async function refused(options: Omit<ConnectOptions, 'onError'>): Promise<SyncError> {
  const error = await connected(options).catch((reason: unknown) => reason);
  if (!isSyncError(error, 'config')) throw new Error(`expected a config error, got ${String(error)}`);
  return error;
}

/** A port of this machine on which nobody listens. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => {
    probe.listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => {
    probe.close(resolve);
  });
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

describe('connectRedis', () => {
  it('connects over a socket, and comes back after Redis was killed', async () => {
    const server = await serverWith();
    const redis = await connected({ address: { type: 'socket', path: server.path } });
    await redis.set('a', '1');
    await server.kill();
    const waiting = redis.get('a');
    await server.start();
    expect(await waiting).toBe('1');
  });

  it('says within seconds where nobody answers, without the password', async () => {
    const port = await freePort();
    const url = `redis://user:planted-secret@127.0.0.1:${port}/0`;
    const started = performance.now();
    const error = await refused({ address: { type: 'single', url } });
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(error.code).toBe('redis.unreachable');
    expect(error.message).toContain(`127.0.0.1:${port}`);
    expect(`${error.message}${error.stack}`).not.toContain('planted-secret');
  });

  it('says where the password is wrong, without it', async () => {
    const server = await serverWith();
    await server.client().config('SET', 'requirepass', 'right');
    const error = await refused({
      address: { type: 'socket', path: server.path },
      password: 'planted-wrong',
    });
    expect(error.code).toBe('redis.unreachable');
    expect(error.message).not.toContain('planted-wrong');
  });
});

/** A path that leads to one server, and to another from `lead` on, while connections that were made stay. */
function movableName() {
  const folder = mkdtempSync(join(tmpdir(), 'name-'));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'redis');
  const lead = (server: TestRedis) => {
    symlinkSync(server.path, `${path}.next`);
    renameSync(`${path}.next`, path);
  };
  return { path, lead };
}

describe('connectRedis, where a failover moves the name', () => {
  it('leaves the master that was made a replica, says so, and carries the command out at the new one', async () => {
    const [first, second, name] = [await serverWith(), await serverWith(), movableName()];
    name.lead(first);
    const said: string[] = [];
    const redis = await connectRedis({
      address: { type: 'socket', path: name.path },
      onError: (error) => said.push(error.message),
    });
    ends.push(() => redis.disconnect());
    await redis.set('a', 'old');
    name.lead(second);
    await first.client().replicaof('127.0.0.1', await freePort());
    expect(await redis.set('a', 'new')).toBe('OK');
    expect(await redis.eval("return redis.call('GET', KEYS[1])", 1, 'a')).toBe('new');
    expect(await second.client().get('a')).toBe('new');
    expect(said).toEqual([expect.stringContaining('READONLY')]);
  });

  it('does so for a script too', async () => {
    const [first, second, name] = [await serverWith(), await serverWith(), movableName()];
    name.lead(first);
    const redis = await connected({ address: { type: 'socket', path: name.path } });
    name.lead(second);
    await first.client().replicaof('127.0.0.1', await freePort());
    expect(await redis.eval("return redis.call('INCR', KEYS[1])", 1, 'n')).toBe(1);
    expect(await second.client().get('n')).toBe('1');
  });
});

describe('inspectRedis', () => {
  async function faults(args: readonly string[], prepare?: (server: TestRedis) => Promise<unknown>) {
    const server = await serverWith({ args });
    await prepare?.(server);
    const found = await inspectRedis(await connected({ address: { type: 'socket', path: server.path } }));
    return found.map(({ severity, message }) => ({ severity, message }));
  }

  it('finds nothing where nothing is dropped and all is written down', async () => {
    expect(await faults([])).toEqual([]);
  });

  it('refuses a policy that evicts', async () => {
    expect(await faults(['--maxmemory-policy', 'allkeys-lru'])).toMatchObject([
      { severity: 'refuse', message: expect.stringContaining('allkeys-lru') },
    ]);
  });

  it('refuses a replica', async () => {
    const port = await freePort();
    expect(await faults([], (server) => server.client().replicaof('127.0.0.1', port))).toMatchObject([
      { severity: 'refuse', message: expect.stringContaining('replica') },
    ]);
  });

  it('warns of a missing append-only file', async () => {
    expect(await faults(['--appendonly', 'no'])).toMatchObject([
      { severity: 'warn', message: expect.stringContaining('append-only') },
    ]);
  });

  it('warns where it may not look', async () => {
    const found = await faults([], (server) => server.client().call('ACL', 'SETUSER', 'default', '-config'));
    expect(found).toMatchObject([{ severity: 'warn', message: expect.stringContaining('maxmemory-policy') }]);
  });
});
