/** The only file that builds things and joins them: a configuration becomes syncs that can be started. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Config, DirectoryConfig, SyncConfig } from '../config/schema.ts';
import { openDirectory } from '../directory/select.ts';
import { createHttp } from '../http/client.ts';
import { openQueues } from '../jobs/queues.ts';
import { createBudget } from '../ledger/budget.ts';
import { connectRedis, inspectRedis, type RedisAddress } from '../ledger/connect.ts';
import { syncTag } from '../ledger/keys.ts';
import { createLedger } from '../ledger/ledger.ts';
import { openPrivateRedis } from '../ledger/private-redis.ts';
import { SyncError } from '../model/errors.ts';
import { createOmni } from '../omni/client.ts';
import { compileFingerprint } from '../plan/fingerprint.ts';
import { compileMapping, type Mapping } from '../plan/map.ts';
import { directoryOptions } from './directory-options.ts';
import type { Step } from './events.ts';
import { removalHook } from './hook.ts';
import { watchKeys } from './keys.ts';
import { logEvents } from './log-events.ts';
import type { SyncParts } from './sync.ts';

export interface ComposeOptions {
  readonly config: Config;
  readonly log: Logger;
  /** Accept that a sync's ledger remembers another Omni, directory or id. */
  readonly rebind: boolean;
  /** Told of every step; tests end the process there. */
  readonly onStep?: (step: Step) => void;
}

export interface Daemon {
  readonly syncs: readonly Sync[];
  readonly redis: Redis;
  close(): Promise<void>;
}

/** A sync, with how to let go of what it holds. */
export interface Sync extends SyncParts {
  close(): Promise<void>;
}

const USER_AGENT = 'omni-directory-sync';

/**
 * Builds all syncs of a configuration.
 * @throws SyncError `config`: Redis that cannot be reached or would lose data, a ledger of another Omni, an expression.
 */
export async function compose(options: ComposeOptions): Promise<Daemon> {
  const { config, log } = options;
  for (const warning of config.warnings) log.warn(warning);
  const mappings = config.syncs.map(mappingOf);
  await makeDataFolder(config.dataDir);
  const { redis, release } = await openRedis(options);
  const syncs: Sync[] = [];
  const close = async () => {
    for (const sync of syncs) await sync.close();
    await redis.quit().catch(() => redis.disconnect());
    await release();
  };
  try {
    for (const fault of await inspectRedis(redis)) {
      if (fault.severity === 'refuse') throw new SyncError('config', 'redis.policy', fault.message);
      log.warn(fault.message);
    }
    for (const [i, sync] of config.syncs.entries()) {
      const mapping = mappings[i];
      if (mapping === undefined) continue;
      const built = buildSync(sync, mapping, { ...options, redis });
      syncs.push(built);
      await built.ledger.begin();
    }
    return { syncs, redis, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function makeDataFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    const mend = 'mend its owner, rights or space, or set another dataDir (or OMNI_SYNC_DATA)';
    const message = `the data folder ${folder} cannot be made (${error.code}): ${mend}`;
    throw new SyncError('config', 'data.folder', message, { cause: error });
  });
}

async function openRedis({
  config,
  log,
}: ComposeOptions): Promise<{ redis: Redis; release: () => Promise<void> }> {
  const { place, tls, username, password } = config.redis;
  const own = place.type === 'private' ? await openPrivateRedis({ dataDir: config.dataDir }) : undefined;
  const address: RedisAddress =
    place.type === 'private' ? { type: 'socket', path: own?.socketPath ?? '' } : place;
  const release = async () => own?.release();
  const options = {
    address,
    ...(tls && { tls: tls.ca === undefined ? {} : { ca: readFileSync(tls.ca, 'utf8') } }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    onError: (error: Error) => log.warn({ error: error.message }, 'Redis'),
  };
  try {
    return { redis: await connectRedis(options), release };
  } catch (error) {
    await release();
    throw error;
  }
}

function mappingOf({ users, leavers, omni }: SyncConfig): Mapping {
  const protect = [...leavers.protect, ...(omni.keyOwner === undefined ? [] : [omni.keyOwner])];
  return compileMapping({ ...users, protect });
}

interface Shared extends ComposeOptions {
  readonly redis: Redis;
}

function buildSync(sync: SyncConfig, mapping: Mapping, shared: Shared): Sync {
  const { redis, config } = shared;
  const { omni: settings, policy, adopt, leavers } = sync;
  const log = shared.log.child({ sync: sync.name });
  const events = logEvents(log, shared.onStep ?? (() => undefined));
  const keys = watchKeys(settings.apiKeys, () => log.info('an API key was changed'));
  const budget = createBudget({
    redis,
    host: new URL(settings.url).host,
    keys: keys.keys,
    requestsPerMinute: settings.requestsPerMinute,
  });
  const http = createHttp({
    timeoutMs: settings.timeoutMs,
    userAgent: USER_AGENT,
    ...(settings.ca !== undefined && { ca: readFileSync(settings.ca, 'utf8') }),
    ...(settings.proxy !== undefined && { proxy: settings.proxy }),
  });
  const queueOptions = { redis, prefix: syncTag(sync.name) };
  const queues = openQueues(queueOptions, events.trouble);
  const directory = openDirectory(directoryOptions(sync.directory, mapping.fields));
  return {
    name: sync.name,
    schedule: { expression: sync.schedule, timezone: sync.timezone },
    directory,
    mapping,
    fingerprint: compileFingerprint({ attributeNames: mapping.attributeNames, updates: policy !== 'create' }),
    rules: { policy, adopt },
    leaving: {
      action: leavers.action,
      before: leavers.before === undefined ? undefined : removalHook(leavers.before, http.send),
      protects: mapping.protects,
    },
    leaverRules: { graceMs: leavers.graceMs, limit: leavers.limit },
    ledger: createLedger({
      redis,
      sync: sync.name,
      identity: {
        omniHost: new URL(settings.url).host,
        directory: directoryIdentity(sync.directory),
        idExpression: sync.users.id,
      },
      dataDir: config.dataDir,
      rebind: shared.rebind,
    }),
    queues,
    queueOptions,
    omni: createOmni({ baseUrl: settings.url, http: http.send, budget }),
    budget,
    events,
    holder: `${hostname()}:${process.pid}:${randomUUID()}`,
    rate: { requestsPerMinute: settings.requestsPerMinute, keys: settings.apiKeys.length },
    concurrency: concurrencyFor(settings.requestsPerMinute * settings.apiKeys.length),
    async close() {
      keys.close();
      await queues.close();
      http.close();
    },
  };
}

/** Enough requests under way to use the budget where Omni takes two seconds to answer. */
function concurrencyFor(requestsPerMinute: number): number {
  return Math.min(16, Math.max(2, Math.ceil(requestsPerMinute / 30)));
}

/** A file may move to another folder, a server may not become another one. */
function directoryIdentity(directory: DirectoryConfig): string {
  return directory.type === 'file'
    ? `file ${basename(directory.path)}`
    : `${directory.url} ${directory.baseDn}`;
}
