/** Opens the connection to Redis that a configuration names, and refuses one that would lose what it is given. */
import { Cluster, Redis } from 'ioredis';
import { SyncError } from '../model/errors.ts';
import { gatherWrites } from './gather-writes.ts';
import { tlsOptions } from './redis-tls.ts';

/** Where Redis is. `socket`: the private one. */
export type RedisAddress =
  | { readonly type: 'socket'; readonly path: string }
  | { readonly type: 'single'; readonly url: string }
  | { readonly type: 'cluster'; readonly urls: readonly string[] }
  | {
      readonly type: 'sentinel';
      readonly name: string;
      readonly hosts: readonly { host: string; port: number }[];
    };

export interface ConnectOptions {
  readonly address: RedisAddress;
  /** PEM text of the authorities to trust, or none for the system's; absent: TLS where a URL is `rediss://`. */
  readonly tls?: { readonly ca?: string };
  readonly username?: string;
  readonly password?: string;
  readonly onError: (error: Error) => void;
}

/** How long the first connection may take, in milliseconds: a command with a dead Redis must say so, not hang. */
const FIRST_CONNECT_MS = 5_000;
/** Between tries to reconnect: shorter ones hang BullMQ's blocking commands (ioredis#1718). */
const RECONNECT_MS = { least: 1_000, most: 3_000 };
/** What a master says that was made a replica: the name leads to another server now. Redis 6 puts a script's error in its own. */
const DEMOTED = /^READONLY|-READONLY /;

/**
 * Connects, and waits until Redis answers.
 * @throws SyncError `config`, `redis.unreachable`.
 */
export async function connectRedis(options: ConnectOptions): Promise<Redis> {
  const redis = open(options);
  redis.on('error', options.onError);
  gatherWrites(redis);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unreachable(options.address)), FIRST_CONNECT_MS);
  });
  try {
    await Promise.race([redis.ping(), late]);
    return redis;
  } catch (error) {
    redis.disconnect();
    throw error instanceof SyncError ? error : unreachable(options.address, error);
  } finally {
    clearTimeout(timer);
  }
}

function open(options: ConnectOptions): Redis {
  const { address, tls, username, password, onError } = options;
  const secure = tlsOptions({ urls: urlsOf(address), tls });
  const common = {
    maxRetriesPerRequest: null,
    retryStrategy: (times: number) => Math.min(RECONNECT_MS.least * times, RECONNECT_MS.most),
    reconnectOnError: (error: Error) => {
      if (!DEMOTED.test(error.message)) return false;
      onError(error);
      // Reconnects, and sends the command again.
      return 2 as const;
    },
    ...secure,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
  switch (address.type) {
    case 'socket':
      return new Redis({ ...common, path: address.path });
    case 'single':
      return new Redis(address.url, common);
    case 'sentinel':
      return new Redis({ ...common, name: address.name, sentinels: [...address.hosts] });
    case 'cluster':
      // A Cluster answers every command that is used here as a Redis does; BullMQ takes it as one too.
      return new Cluster([...address.urls], {
        redisOptions: common,
        // A certificate is for a name: resolved to an address beforehand, it would be refused.
        ...(secure.tls !== undefined && { dnsLookup: (name, found) => found(null, name) }),
      }) as unknown as Redis;
  }
}

function urlsOf(address: RedisAddress): readonly string[] {
  if (address.type === 'cluster') return address.urls;
  return address.type === 'single' ? [address.url] : [];
}

function unreachable(address: RedisAddress, cause?: unknown): SyncError {
  const reason = cause instanceof Error ? ` (${cause.message})` : '';
  return new SyncError(
    'config',
    'redis.unreachable',
    `Redis at ${shown(address)} does not answer${reason}: start it, or correct \`redis\` in the configuration; left out, a private one is started`,
  );
}

/** Without a password. */
function shown(address: RedisAddress): string {
  if (address.type === 'socket') return address.path;
  if (address.type === 'sentinel') return `sentinels of ${address.name}`;
  return urlsOf(address)
    .map((url) => (URL.canParse(url) ? new URL(url).host : 'its URL'))
    .join(', ');
}

/** What is wrong with how Redis keeps its data: `refuse` stops the start, `warn` is said. */
export interface RedisFault {
  readonly severity: 'refuse' | 'warn';
  readonly message: string;
}

/** Looks at how Redis evicts and persists, and whether it takes writes. An ACL that hides it is a warning. */
export async function inspectRedis(redis: Redis): Promise<RedisFault[]> {
  const faults: RedisFault[] = [];
  const policy = await setting(redis, 'maxmemory-policy');
  if (policy === undefined) {
    faults.push({
      severity: 'warn',
      message:
        'Redis does not show its maxmemory-policy (CONFIG GET is not allowed): make sure that it is noeviction',
    });
  } else if (policy !== 'noeviction') {
    faults.push({
      severity: 'refuse',
      message: `Redis has maxmemory-policy ${policy}: it would drop jobs and links without a word; set it to noeviction`,
    });
  }
  if (/^role:slave/m.test(await redis.info('replication'))) {
    faults.push({
      severity: 'refuse',
      message: 'Redis is a replica, which takes no writes: name its master, or the sentinels that know it',
    });
  }
  const info = await redis.info('persistence');
  if (!/^aof_enabled:1/m.test(info)) {
    faults.push({
      severity: 'warn',
      message:
        'Redis has no append-only file: after it ends, what is waiting is forgotten and everyone is correlated anew; set appendonly yes',
    });
  }
  return faults;
}

async function setting(redis: Redis, name: string): Promise<string | undefined> {
  try {
    const answer = (await redis.config('GET', name)) as string[];
    return answer[1];
  } catch {
    return undefined;
  }
}
