/**
 * The process of the private Redis: started, seen, and asked why it did not come up. Never starts one beside
 * another; callers hold the folder's lock.
 *
 * A server is alive while it holds the FIFO `alive` open for reading. It inherits that from its first moment, so
 * even one whose starter was killed between starting it and its socket's birth is seen by the next command.
 */
import { execFile, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SyncError } from '../model/errors.ts';
import { folderError } from './private-redis-home.ts';

const run = promisify(execFile);

/** The socket's name within the folder. */
export const SOCKET_NAME = 'redis.sock';

// Relative names, for a socket's address is short; the folder is the process' working directory.
const SETTINGS = {
  port: '0',
  unixsocket: SOCKET_NAME,
  unixsocketperm: '700',
  logfile: 'redis.log',
  save: '',
  appendonly: 'yes',
  appendfsync: 'everysec',
  'aof-load-truncated': 'yes',
  'maxmemory-policy': 'noeviction',
};

// A server outlives its starter: the starter's environment, which may hold keys, is not its to keep.
const LAUNCH = `exec env -i PATH="$PATH" \${LD_LIBRARY_PATH:+LD_LIBRARY_PATH="$LD_LIBRARY_PATH"} "$@"`;

/** Whether a server lives on `folder`, ready or not. */
export async function isRunning(folder: string): Promise<boolean> {
  try {
    const alive = await open(join(folder, 'alive'), constants.O_WRONLY | constants.O_NONBLOCK);
    const stats = await alive.stat().finally(() => alive.close());
    // A copied or restored folder may hold a plain file here.
    return stats.isFIFO();
  } catch (error) {
    // ENXIO: a FIFO that nobody reads.
    if (error instanceof Error && 'code' in error && /^(ENXIO|ENOENT)$/.test(String(error.code)))
      return false;
    throw error;
  }
}

/**
 * Starts a server on `folder`, in a session of its own so that it outlives this process and its terminal.
 * Returns before it is ready.
 * @throws SyncError `config` where none is installed.
 */
export async function launch(folder: string): Promise<void> {
  const server = await findServer();
  const log = await open(join(folder, 'redis.log'), 'a', 0o600);
  try {
    const alive = await makeFifo(folder);
    try {
      await spawnDetached(folder, server, ['ignore', log.fd, log.fd, alive.fd]);
    } finally {
      await alive.close();
    }
  } finally {
    await log.close();
  }
}

/** The FIFO, made anew and open for reading. */
async function makeFifo(folder: string): Promise<FileHandle> {
  const path = join(folder, 'alive');
  await rm(path, { force: true });
  await run('mkfifo', ['-m', '600', path]).catch((error) => {
    throw folderError(folder, 'mkfifo failed', error);
  });
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

async function spawnDetached(folder: string, server: string, stdio: StdioOptions): Promise<void> {
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => [`--${name}`, value]);
  const args = ['-c', LAUNCH, 'sh', server, ...settings];
  const child = spawn('/bin/sh', args, { cwd: folder, detached: true, stdio });
  child.unref();
  await once(child, 'spawn');
}

async function findServer(): Promise<string> {
  try {
    const found = await run('/bin/sh', ['-c', 'command -v redis-server || command -v valkey-server']);
    return found.stdout.trim();
  } catch (error) {
    throw new SyncError(
      'config',
      'redis.missing',
      'Starting the private Redis: found neither redis-server nor valkey-server on PATH. Install one ' +
        '(apt-get install redis-server, dnf install valkey, brew install redis), or set redis.url.',
      { cause: error },
    );
  }
}

/** The error for a server that ended instead of answering (`redis.start`), or still does not (`redis.slow`). */
export async function startFailure(folder: string, code: 'redis.start' | 'redis.slow'): Promise<SyncError> {
  const log = await readFile(join(folder, 'redis.log'), 'utf8').catch(() => '');
  const tail = log.trimEnd().split('\n').slice(-6).join('\n  ');
  const what = code === 'redis.start' ? 'ended before it was ready' : 'did not answer in time';
  const said = tail === '' ? 'is empty, as on a full disk. ' : `ends with:\n  ${tail}\n`;
  return new SyncError(
    'config',
    code,
    `Starting the private Redis in ${folder}: it ${what}. Its log, redis.log there, ${said}` +
      'Mend what it names (free disk space, rights, redis-check-aof for a damaged file), or move the folder ' +
      'away: the next reconcile rebuilds what it held from the directory and Omni.',
  );
}
