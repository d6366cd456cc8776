/** Opens where the memory is: the data folder, and the Redis that the configuration names or a private one. */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import { connectRedis, type RedisAddress } from '../ledger/connect.ts';
import { openPrivateRedis } from '../ledger/private-redis.ts';
import { SyncError } from '../model/errors.ts';
import { warnSeldom } from './seldom.ts';

export interface OpenedRedis {
  readonly redis: Redis;
  /** Lets go of a private one, after the connection is closed. */
  readonly release: () => Promise<void>;
}

/** Makes the folder where it is missing. @throws SyncError `config`. */
export async function makeDataFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    const mend = 'mend its owner, rights or space, or set another dataDir (or OMNI_SYNC_DATA)';
    const message = `the data folder ${folder} cannot be made (${error.code}): ${mend}`;
    throw new SyncError('config', 'data.folder', message, { cause: error });
  });
}

/** Connects. @throws SyncError `config` where it does not answer. */
export async function openRedis(config: Config, log: Logger): Promise<OpenedRedis> {
  const { place, tls, username, password } = config.redis;
  const own = place.type === 'private' ? await openPrivateRedis({ dataDir: config.dataDir }) : undefined;
  const address: RedisAddress =
    place.type === 'private' ? { type: 'socket', path: own?.socketPath ?? '' } : place;
  const release = async () => own?.release();
  const warn = warnSeldom(log);
  const options = {
    address,
    ...(tls && { tls: tls.ca === undefined ? {} : { ca: readFileSync(tls.ca, 'utf8') } }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    onError: (error: Error) => warn({ error: error.message }, 'Redis'),
  };
  try {
    return { redis: await connectRedis(options), release };
  } catch (error) {
    await release();
    throw error;
  }
}
