/** A real redis-server for a test: its own folder and unix socket, killed with the test, never shared. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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
  /** Sets its clock on by so many milliseconds, at once; needs `movable`. */
  advance(ms: number): void;
  readonly pid: number;
}

export interface TestRedisOptions {
  /** Extra arguments of redis-server. */
  readonly args?: readonly string[];
  /** Where its data is; a temporary folder where left out. */
  readonly folder?: string;
  /** Its clock may be set on. */
  readonly movable?: boolean;
}

/** Starts a redis-server with AOF and noeviction, and waits until it answers. */
export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'redis-'));
  const path = join(folder, 's');
  const clients: Redis[] = [];
  const clock = join(folder, 'clock');
  let ahead = 0;
  const setClock = () => writeFileSync(clock, `+${ahead / 1000}`);
  const env = options.movable === true ? clockOf(clock) : {};
  if (options.movable === true) setClock();
  const launched = () => launch(path, [...(options.args ?? []), '--dir', folder], env);
  let child: ChildProcess = launched();
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
      child = launched();
      await answering(path);
    },
    advance(ms) {
      if (options.movable !== true) throw new Error('start it with `movable`');
      ahead += ms;
      setClock();
    },
    async stop() {
      for (const client of clients) client.disconnect();
      await ended(child, 'SIGKILL');
      // A folder that was given is its giver's.
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function launch(path: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const fixed = ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'yes'];
  const child = spawn('redis-server', [...fixed, '--maxmemory-policy', 'noeviction', ...args], {
    stdio: 'ignore',
    env: { ...process.env, ...env },
  });
  child.on('error', () => undefined);
  return child;
}

/** libfaketime, which reads from a file how far the clock is ahead. Redis's allocator and it do not get on: it gets libc's. */
function clockOf(file: string): NodeJS.ProcessEnv {
  const libraries = readdirSync('/usr/lib').map((name) => `/usr/lib/${name}/faketime/libfaketime.so.1`);
  const library = libraries.find((path) => existsSync(path));
  if (library === undefined)
    throw new Error('libfaketime is missing. Install it: apt-get install -y faketime');
  return {
    LD_PRELOAD: `${library} libc.so.6`,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
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
