/**
 * The private Redis, for when redis.url is left out: every command with the same dataDir uses one server,
 * whoever started it, and the last out stops it. Never stops it under another's feet.
 *
 * Users are counted by named connections, one a process, which the kernel closes with the process: a killed user
 * is no user. All who join or leave hold one lock, so a stop and a newcomer cannot cross. Where every user was
 * killed, the server stays, and the next command joins it and stops it as the last out.
 * dataDir must be on a local disk: two machines that share it would each start a server on one file.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { SyncError } from '../model/errors.ts';
import { lockFolder } from './folder-lock.ts';
import { folderError, type Home, openHome } from './private-redis-home.ts';
import { isRunning, launch, SOCKET_NAME, startFailure } from './private-redis-server.ts';
import { connectUser, countUsers, disconnectUser, stopServer } from './private-redis-user.ts';

export interface PrivateRedisOptions {
  /** The operator's data folder; the server lives in `redis` under it. */
  readonly dataDir: string;
  readonly signal?: AbortSignal;
}

export interface PrivateRedis {
  /** For this process alone, and until `release`. */
  readonly socketPath: string;
  /** Leaves; the last out stops the server, its data on disk. Close your own connections first. */
  release(): Promise<void>;
}

/** How long loading its file may take a server, and how long joining may wait for others. */
const START_LIMIT_MS = 300_000;

/**
 * Joins the private Redis of `dataDir`, starting it where it does not run. While joined, a server that dies
 * is started again by its users.
 * @throws SyncError `config` where it cannot be had, with the mend; the signal's reason where aborted.
 */
export async function openPrivateRedis(options: PrivateRedisOptions): Promise<PrivateRedis> {
  options.signal?.throwIfAborted();
  const home = await openHome(options.dataDir).catch((error) => explain(error, options.dataDir));
  try {
    const first = await enter(home, options.signal);
    const membership = keepJoined(home, first);
    let released: Promise<void> | undefined;
    return {
      socketPath: join(home.short, SOCKET_NAME),
      release() {
        released ??= membership.end().finally(home.close);
        return released;
      },
    };
  } catch (error) {
    await home.close();
    return explain(error, home.folder);
  }
}

/** Joins again whenever the server is lost: it may have been killed, and the daemon must outlive that. */
function keepJoined(home: Home, first: Redis): { end(): Promise<void> } {
  const ending = new AbortController();
  let user = first;
  const watching = (async () => {
    while (!ending.signal.aborted) {
      await ended(user, ending.signal);
      if (ending.signal.aborted) return;
      user = await reenter(home, ending.signal).catch(() => user);
    }
  })();
  return {
    async end() {
      ending.abort();
      await watching;
      await leave(home, user);
    },
  };
}

function ended(user: Redis, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (user.status === 'end' || signal.aborted) return resolve();
    user.once('end', () => resolve());
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function reenter(home: Home, signal: AbortSignal): Promise<Redis> {
  for (;;) {
    try {
      return await enter(home, signal);
    } catch {
      // A full disk, say: what failed now may be mended in a while. What uses Redis reports that it is away.
      await sleep(1000, undefined, { signal });
    }
  }
}

async function enter(home: Home, signal?: AbortSignal): Promise<Redis> {
  const limit = AbortSignal.timeout(START_LIMIT_MS);
  const until = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  try {
    return await underLock(home, until, () => joinOrStart(home, until));
  } catch (error) {
    signal?.throwIfAborted();
    throw limit.aborted ? await startFailure(home.folder, 'redis.slow') : error;
  }
}

async function underLock<T>(home: Home, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const lock = await lockFolder(join(home.short, 'lock'), signal);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function joinOrStart(home: Home, signal: AbortSignal): Promise<Redis> {
  const running = await joined(home, signal);
  if (running !== undefined) return running;
  await launch(home.folder);
  const started = await joined(home, signal);
  if (started !== undefined) return started;
  throw await startFailure(home.folder, 'redis.start');
}

/** A user's connection, once the server has loaded its file. Undefined where no server runs. */
async function joined(home: Home, signal: AbortSignal): Promise<Redis | undefined> {
  while (await isRunning(home.folder)) {
    const user = await connectUser(join(home.short, SOCKET_NAME));
    if (user !== undefined) return user;
    await sleep(20, undefined, { signal });
  }
  return undefined;
}

async function leave(home: Home, user: Redis): Promise<void> {
  await underLock(home, AbortSignal.timeout(START_LIMIT_MS), async () => {
    try {
      if (user.status === 'ready') await leaveServer(home, user);
    } catch (error) {
      // A server that died meanwhile needs no farewell.
      if (error instanceof SyncError || user.status === 'ready') throw error;
    }
  });
}

async function leaveServer(home: Home, user: Redis): Promise<void> {
  if ((await countUsers(user)) > 1) return disconnectUser(user);
  await stopServer(user);
  while (await isRunning(home.folder)) await sleep(5);
}

/** Errors of the file system become one that says what to do; anything else passes. */
function explain(error: unknown, folder: string): never {
  if (error instanceof SyncError || !(error instanceof Error && 'syscall' in error && 'code' in error))
    throw error;
  throw folderError(folder, `${String(error.syscall)} failed with ${String(error.code)}`, error);
}
