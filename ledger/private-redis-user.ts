/**
 * A process' connection to the private Redis, named so that users can be counted: the kernel closes it with the
 * process, whatever killed that. Never reconnects: a lost server is its owner's to see.
 */
import { Redis } from 'ioredis';
import { SyncError } from '../model/errors.ts';

const USER_NAME = 'omni-sync-user';

/** Connects and takes the name. Undefined where the server is not ready: not bound yet, loading, or stopping. */
export async function connectUser(path: string): Promise<Redis | undefined> {
  const user = new Redis({
    path,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    commandTimeout: 10_000,
    // ioredis keeps the process alive for so long after a connection that failed; its default is two seconds.
    disconnectTimeout: 50,
  });
  user.on('error', () => undefined);
  try {
    await user.connect();
    await user.client('SETNAME', USER_NAME);
    await user.ping();
    return user;
  } catch {
    user.disconnect();
    return undefined;
  }
}

/** How many processes use the server, this one included. */
export async function countUsers(user: Redis): Promise<number> {
  const lines = String(await user.client('LIST')).split('\n');
  // Flag A: its process is gone, and Redis is about to see to it.
  return lines.filter((line) => line.includes(` name=${USER_NAME} `) && !/ flags=\w*A/.test(line)).length;
}

/**
 * Stops the server. Returns when it has written its file and closed its socket.
 * @throws SyncError `transient` where it refuses: it keeps running.
 */
export async function stopServer(user: Redis): Promise<void> {
  // A SHUTDOWN that succeeds is never answered: the connection ends.
  const gone = new Promise<'gone'>((resolve) => user.once('end', () => resolve('gone')));
  const refusal = user.shutdown().then(
    () => gone,
    (error: unknown) => (user.status === 'ready' ? error : gone),
  );
  const end = await Promise.race([gone, refusal]);
  if (end === 'gone') return;
  throw new SyncError(
    'transient',
    'redis.stop',
    'Stopping the private Redis: it refused, and keeps running. The next command joins it; redis.log says why.',
    { cause: end },
  );
}

/** Goes away uncounted from this moment on, not only once Redis has noticed. */
export async function disconnectUser(user: Redis): Promise<void> {
  await user.client('SETNAME', '');
  user.disconnect();
}
