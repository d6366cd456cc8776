import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openPrivateRedis } from '../../ledger/private-redis.ts';
import { isRunning } from '../../ledger/private-redis-server.ts';
import { ensureBuilt } from '../support/build.ts';

/** A command: joins, tells the server's process id, then answers lines until `release`. */
const COMMAND = `
  import { createInterface } from 'node:readline';
  import { Redis } from 'ioredis';
  const [dist, dataDir] = process.argv.slice(1);
  const { openPrivateRedis } = await import(dist + '/ledger/private-redis.js');
  try {
    const joined = await openPrivateRedis({ dataDir });
    const redis = new Redis({ path: joined.socketPath });
    redis.on('error', () => undefined);
    const info = await redis.info('server');
    console.log(/process_id:(\\d+)/.exec(info)[1]);
    for await (const line of createInterface({ input: process.stdin })) {
      if (line === 'release') break;
      const [command, ...args] = line.split(' ');
      console.log(await redis.call(command, ...args));
    }
    redis.disconnect();
    await joined.release();
    console.log('released');
  } catch (error) {
    console.log(error.code + ' ' + error.message);
  }
  process.exit(0);
`;

interface Command {
  /** The process id of the server it joined, or the error's code and message. */
  readonly joined: Promise<string>;
  ask(line: string): Promise<string>;
  kill(): Promise<void>;
}

let dist = '';
let dataDir = '';
const children: ChildProcess[] = [];
const servers = new Set<number>();

beforeAll(async () => {
  dist = await ensureBuilt();
});

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'private-redis-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const pid of servers) killServer(pid);
  servers.clear();
  await rm(dataDir, { recursive: true, force: true });
});

function command(env: NodeJS.ProcessEnv = process.env): Command {
  const args = ['--input-type=module', '-e', COMMAND, dist, dataDir];
  const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => String((await lines.next()).value);
  const joined = next();
  void joined.then((pid) => /^\d+$/.test(pid) && servers.add(Number(pid)));
  return {
    joined,
    ask(line) {
      child.stdin.write(`${line}\n`);
      return next();
    },
    async kill() {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}

function killServer(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

const folder = () => join(dataDir, 'redis');
const log = () => readFile(join(folder(), 'redis.log'), 'utf8');
const aof = () => join(folder(), 'appendonlydir', 'appendonly.aof.1.incr.aof');
const starts = async () => (await log()).split('Redis is starting').length - 1;

async function serverPid(path: string): Promise<number> {
  const redis = new Redis({ path });
  const pid = Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
  redis.disconnect();
  servers.add(pid);
  return pid;
}

/** Redis answers before it writes while an fsync runs. */
async function written(text: string): Promise<void> {
  await expect.poll(() => readFile(aof(), 'utf8'), { interval: 20 }).toContain(text);
}

/** Settles when the server's process has let go of everything. */
async function serverEnded(): Promise<void> {
  await expect.poll(() => isRunning(folder()), { interval: 20 }).toBe(false);
}

describe('openPrivateRedis', () => {
  it('ends with one server when commands start at once, and with none when they end', async () => {
    for (let round = 1; round <= 20; round += 1) {
      const both = [command(), command()];
      const [one, two] = await Promise.all(both.map(({ joined }) => joined));
      expect(one).toMatch(/^\d+$/);
      expect(two).toBe(one);
      expect(await starts()).toBe(round);
      await Promise.all(both.map((each) => each.ask('release')));
      expect(await isRunning(folder())).toBe(false);
    }
  });

  it('serves everybody through joins and leaves that cross', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const results: string[] = [];
        for (let turn = 0; turn < 12; turn += 1) {
          const joined = await openPrivateRedis({ dataDir });
          const redis = new Redis({ path: joined.socketPath, retryStrategy: () => null });
          results.push(await redis.set(`k${index}`, turn));
          redis.disconnect();
          await joined.release();
        }
        return results;
      }),
    );
    expect(new Set(answers.flat())).toEqual(new Set(['OK']));
    expect(await isRunning(folder())).toBe(false);
  });

  it('stays up when its starter is killed while another uses it', async () => {
    const starter = command();
    const pid = await starter.joined;
    const user = command();
    expect(await user.joined).toBe(pid);
    await starter.kill();
    expect(await user.ask('set a 1')).toBe('OK');
    expect(await user.ask('release')).toBe('released');
    expect(await isRunning(folder())).toBe(false);
  });

  it('is joined by the next command after all its users were killed, which stops it', async () => {
    const users = [command(), command()];
    const [pid] = await Promise.all(users.map(({ joined }) => joined));
    await Promise.all(users.map((user) => user.kill()));
    expect(await isRunning(folder())).toBe(true);
    const next = command();
    expect(await next.joined).toBe(pid);
    await next.ask('release');
    expect(await isRunning(folder())).toBe(false);
    expect(await starts()).toBe(1);
  });

  it('finds one server after commands were killed at any moment of their start', async () => {
    for (let delay = 0; delay < 240; delay += 30) {
      const victims = [command(), command()];
      await new Promise((resolve) => setTimeout(resolve, delay + 40));
      await Promise.all(victims.map((victim) => victim.kill()));
      const survivors = [command(), command()];
      const [one, two] = await Promise.all(survivors.map(({ joined }) => joined));
      expect(one).toMatch(/^\d+$/);
      expect(two).toBe(one);
      expect(await survivors[0]?.ask('incr rounds')).toBe(String(delay / 30 + 1));
      await Promise.all(survivors.map((each) => each.ask('release')));
      expect(await isRunning(folder())).toBe(false);
    }
    // Two servers on one file would each have started; none was stopped or refused in between.
    expect((await log()).split('ready to exit').length).toBe((await log()).split('ready to accept').length);
  });

  it('keeps what was written when the last out stops it', async () => {
    const first = command();
    await first.joined;
    await first.ask('set a kept');
    await first.ask('release');
    const second = command();
    await second.joined;
    expect(await second.ask('get a')).toBe('kept');
    await second.ask('release');
  });

  it('starts again for its users when it is killed, with its data', async () => {
    const user = command();
    const pid = Number(await user.joined);
    await user.ask('set a kept');
    await written('kept');
    process.kill(pid, 'SIGKILL');
    expect(await user.ask('get a')).toBe('kept');
    const joined = await openPrivateRedis({ dataDir });
    expect(await serverPid(joined.socketPath)).not.toBe(pid);
    await joined.release();
    await user.ask('release');
    expect(await isRunning(folder())).toBe(false);
  });

  it('loads a file whose tail was cut off, and cleans up after a crash', async () => {
    const user = command();
    const pid = Number(await user.joined);
    await user.ask('set a kept');
    await user.ask('set b lost');
    await written('lost');
    await user.kill();
    process.kill(pid, 'SIGKILL');
    await serverEnded();
    await truncate(aof(), (await stat(aof())).size - 3);
    expect(await readdir(folder())).toContain('redis.sock');
    const next = command();
    await next.joined;

    expect(await next.ask('get a')).toBe('kept');
    expect(await next.ask('exists b')).toBe('0');
    await next.ask('release');
  });

  it('listens on no port, forgets nothing and lets no other user in', async () => {
    const joined = await openPrivateRedis({ dataDir });
    const redis = new Redis({ path: joined.socketPath });
    await serverPid(joined.socketPath);
    const setting = async (name: string) => (await redis.config('GET', name)) as string[];
    expect(await setting('port')).toEqual(['port', '0']);
    expect(await setting('maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
    expect(await setting('appendonly')).toEqual(['appendonly', 'yes']);
    expect(await setting('appendfsync')).toEqual(['appendfsync', 'everysec']);
    expect((await stat(folder())).mode & 0o777).toBe(0o700);
    expect((await stat(joined.socketPath)).mode & 0o777).toBe(0o700);
    redis.disconnect();
    await joined.release();
  });

  it('passes no secret of the environment to the server', async () => {
    const bin = join(dataDir, 'bin');
    await mkdir(bin);
    const { stdout: real } = await promisify(execFile)('/bin/sh', ['-c', 'command -v redis-server']);
    const wrapper = `#!/bin/sh\nenv > "${dataDir}/environment"\nexec ${real.trim()} "$@"\n`;
    await writeFile(join(bin, 'redis-server'), wrapper, { mode: 0o755 });
    const user = command({
      ...process.env,
      PATH: `${bin}:${process.env.PATH}`,
      OMNI_API_KEY: 'planted-secret',
    });
    expect(await user.joined).toMatch(/^\d+$/);
    const environment = await readFile(join(dataDir, 'environment'), 'utf8');
    expect(environment).toContain(`PATH=${bin}`);
    expect(environment).not.toContain('planted-secret');
    await user.ask('release');
  });

  it('works in a folder whose path is too long for a socket', async () => {
    const top = dataDir;
    dataDir = join(top, 'a'.repeat(120), 'b'.repeat(120));
    try {
      const user = command();
      const pid = await user.joined;
      const joined = await openPrivateRedis({ dataDir });
      expect(await serverPid(joined.socketPath)).toBe(Number(pid));
      await joined.release();
      expect(await user.ask('set a 1')).toBe('OK');
      await user.ask('release');
      expect(await isRunning(folder())).toBe(false);
    } finally {
      dataDir = top;
    }
  });

  it('says what to install where no server is', async () => {
    const bare = join(dataDir, 'bin');
    await mkdir(bare);
    const answer = await command({ ...process.env, PATH: bare }).joined;
    expect(answer).toMatch(/^redis\.missing .*redis-server nor valkey-server.*apt-get install redis-server/);
  });

  it('says what is wrong with a data folder that cannot be', async () => {
    await writeFile(join(dataDir, 'file'), '');
    await expect(openPrivateRedis({ dataDir: join(dataDir, 'file') })).rejects.toMatchObject({
      kind: 'config',
      code: 'redis.folder',
      message: expect.stringContaining('ENOTDIR'),
    });
  });

  it('shows the end of the log where the server refuses its file', async () => {
    await mkdir(join(folder(), 'appendonlydir'), { recursive: true });
    await writeFile(join(folder(), 'appendonlydir', 'appendonly.aof.manifest'), 'nonsense\n');
    await expect(openPrivateRedis({ dataDir })).rejects.toMatchObject({
      kind: 'config',
      code: 'redis.start',
      message: expect.stringMatching(/manifest file/),
    });
    expect(await isRunning(folder())).toBe(false);
  });

  it('stops waiting when it is aborted', async () => {
    const reason = new Error('enough');
    await expect(openPrivateRedis({ dataDir, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const control = new AbortController();
    const opening = openPrivateRedis({ dataDir, signal: control.signal });
    control.abort(reason);
    await expect(opening).rejects.toBe(reason);
    const joined = await openPrivateRedis({ dataDir });
    await joined.release();
    expect(await isRunning(folder())).toBe(false);
  });

  it('releases once, however often it is asked', async () => {
    const one = await openPrivateRedis({ dataDir });
    const two = await openPrivateRedis({ dataDir });
    await Promise.all([one.release(), one.release()]);
    expect(await isRunning(folder())).toBe(true);
    await two.release();
    expect(await isRunning(folder())).toBe(false);
  });
});
