/**
 * The lock of a folder: one process holds it at a time, and it is free the moment its holder dies, whatever killed it.
 * Never trusts process ids, clocks or time-outs. Under it processes join, start, leave and stop the private Redis, and
 * write to the audit record.
 *
 * Node offers no flock. Here the holder listens on a unix socket, which the kernel closes with the process, and
 * its claim is a symbolic link `<n>` to that socket, made after it listens. Links are numbered upwards:
 *
 * | highest link leads to | so |
 * |---|---|
 * | a listener | held: wait until the connection to it ends, look again |
 * | nobody (refused, or gone) | free: link your own listener as the next number |
 * | a number above the one just linked | you were late: let go, look again |
 *
 * A dead link is never replaced, only passed by a higher one, so nobody can break a lock that was taken meanwhile.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, rm, symlink } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Lock {
  /** Resolves once another process, or another holder of this one, waits for it. */
  readonly wanted: Promise<void>;
  release(): Promise<void>;
}

/** How many passed links stay: whoever read the folder must find a higher one still there when it looks again. */
const KEPT = 16;

/**
 * Waits for the lock of `folder`, which exists and whose path leaves 26 bytes for a socket's name.
 * @throws what the signal carries, and errors of the file system.
 */
export async function lockFolder(folder: string, signal: AbortSignal): Promise<Lock> {
  for (;;) {
    signal.throwIfAborted();
    const highest = await highestLink(folder);
    if (highest > 0 && (await outlives(join(folder, String(highest)), signal))) continue;
    const lock = await claim(folder, highest + 1);
    if (lock !== undefined) return lock;
  }
}

async function highestLink(folder: string): Promise<number> {
  const names = await readdir(folder);
  return Math.max(0, ...names.filter((name) => /^\d+$/.test(name)).map(Number));
}

/** Waits until the listener at `path` is gone. False where there was none. */
async function outlives(path: string, signal: AbortSignal): Promise<boolean> {
  const failure = await closed(connect({ path }).resume(), signal);
  signal.throwIfAborted();
  const code = failure?.code;
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return false;
  // EAGAIN: the queue of a holder that is too busy to accept. ECONNRESET: a holder that died.
  if (code === 'EAGAIN') await sleep(10);
  else if (failure !== undefined && code !== 'ECONNRESET') throw failure;
  return true;
}

/** Waits for a socket's end; answers the error that ended it, if one did. */
function closed(socket: Socket, signal: AbortSignal): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const abort = () => socket.destroy();
    let failure: NodeJS.ErrnoException | undefined;
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => {
      signal.removeEventListener('abort', abort);
      resolve(failure);
    });
    signal.addEventListener('abort', abort);
  });
}

/** Undefined where another was first. */
async function claim(folder: string, number: number): Promise<Lock | undefined> {
  const name = `${number}-${randomBytes(6).toString('hex')}`;
  const lock = await listen(join(folder, name));
  try {
    await symlink(name, join(folder, String(number)));
    if ((await highestLink(folder)) === number) {
      await sweep(folder, number - KEPT);
      return lock;
    }
  } catch (error) {
    await lock.release();
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return undefined;
    throw error;
  }
  await lock.release();
  return undefined;
}

async function listen(path: string): Promise<Lock> {
  const waiting = new Set<Socket>();
  let want = () => {};
  const wanted = new Promise<void>((resolve) => {
    want = resolve;
  });
  const server = createServer((socket) => {
    want();
    waiting.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => waiting.delete(socket));
  });
  server.listen(path);
  await once(server, 'listening');
  // Without descriptors nobody can be accepted: who waits is cut off, and looks again.
  server.on('error', () => undefined);
  return {
    wanted,
    release() {
      const end = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of waiting) socket.destroy();
      return end;
    },
  };
}

async function sweep(folder: string, upTo: number): Promise<void> {
  const old = (await readdir(folder)).filter((name) => Number.parseInt(name, 10) <= upTo);
  await Promise.all(old.map((name) => rm(join(folder, name), { force: true })));
}
