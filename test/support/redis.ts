/** A real redis-server for a test: its own folder and unix socket, killed with the test, never shared. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

export interface TestRedis {
  readonly path: string;
  readonly folder: string;
  /** A new connection; closed by `stop`. */
  client(): Redis;
  /** SIGKILL, no farewell. */
  kill(): Promise<void>;
  /** Starts it again on the same data. */
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly pid: number;
}

export interface TestRedisOptions {
  /** Extra arguments of redis-server. */
  readonly args?: readonly string[];
  /** Where its data is; a temporary folder where left out. */
  readonly folder?: string;
}

/** Starts a redis-server with AOF and noeviction, and waits until it answers. */
export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'redis-'));
  const path = join(folder, 's');
  const clients: Redis[] = [];
  let child: ChildProcess = launch(folder, path, options.args ?? []);
  await answering(path);
  return {
    path,
    folder,
    get pid() {
      return child.pid ?? -1;
    },
    client() {
      const client = new Redis({ path, maxRetriesPerRequest: null });
      client.on('error', () => undefined);
      clients.push(client);
      return client;
    },
    async kill() {
      await ended(child, 'SIGKILL');
    },
    async start() {
      child = launch(folder, path, options.args ?? []);
      await answering(path);
    },
    async stop() {
      for (const client of clients) client.disconnect();
      await ended(child, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function launch(folder: string, path: string, args: readonly string[]): ChildProcess {
  const fixed = ['--port', '0', '--unixsocket', path, '--dir', folder, '--save', '', '--appendonly', 'yes'];
  const child = spawn('redis-server', [...fixed, '--maxmemory-policy', 'noeviction', ...args], {
    stdio: 'ignore',
  });
  child.on('error', () => undefined);
  return child;
}

async function answering(path: string): Promise<void> {
  const probe = new Redis({ path, lazyConnect: false, maxRetriesPerRequest: null, retryStrategy: () => 20 });
  probe.on('error', () => undefined);
  await probe.ping();
  probe.disconnect();
}

function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}
