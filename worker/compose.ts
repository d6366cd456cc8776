/** The only file that builds things and joins them: a configuration becomes syncs that can be started. */
import { hash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Config, DirectoryConfig, SyncConfig } from '../config/schema.ts';
import type { Directory } from '../directory/directory.ts';
import { openDirectory } from '../directory/select.ts';
import { createHttp, type HttpClient } from '../http/client.ts';
import type { Http } from '../http/http.ts';
import { isBusy, openQueues } from '../jobs/queues.ts';
import type { Trail } from '../ledger/audit-trail.ts';
import { createBudget } from '../ledger/budget.ts';
import { createSlack, type SlackOptions } from '../ledger/budget-slack.ts';
import { inspectRedis } from '../ledger/connect.ts';
import { syncTag } from '../ledger/keys.ts';
import { createLedger, type Ledger } from '../ledger/ledger.ts';
import type { Identity } from '../ledger/meta.ts';
import type { Budget } from '../model/budget.ts';
import { SyncError } from '../model/errors.ts';
import { createOmni } from '../omni/client.ts';
import { createMetrics, type Metrics } from '../ops/metrics.ts';
import { compileFingerprint } from '../plan/fingerprint.ts';
import { compileMapping, type Mapping } from '../plan/map.ts';
import { cliActor } from './actor.ts';
import { noted } from './audited-operations.ts';
import { countEvents, countRequests } from './count.ts';
import { directoryOptions } from './directory-options.ts';
import type { Step } from './events.ts';
import { removalHook } from './hook.ts';
import { watchKeys } from './keys.ts';
import { logEvents } from './log-events.ts';
import { openAudit } from './open-audit.ts';
import { makeDataFolder, openRedis } from './open-redis.ts';
import type { SyncParts } from './sync.ts';

export interface ComposeOptions {
  readonly config: Config;
  readonly log: Logger;
  /** Accept that a sync's ledger remembers another Omni, directory or id. */
  readonly rebind: boolean;
  /** Write nothing to Redis: a ledger of another configuration is looked at, not refused. */
  readonly readOnly?: boolean;
  /** Told of every step; tests end the process there. */
  readonly onStep?: (step: Step) => void;
  /** Told of a secret that the configuration did not hold: a key that was changed in its file. */
  readonly onSecret?: (secret: string) => void;
}

export interface Daemon {
  /** Those of the configuration that it was composed from. */
  readonly syncs: readonly Sync[];
  readonly redis: Redis;
  /** For what belongs to no sync: alarms. */
  readonly send: Http;
  /** What this process counts. */
  readonly metrics: Metrics;
  /** Builds one more, as another configuration has it. @throws SyncError `config`. */
  build(sync: SyncConfig): Promise<Sync>;
  /** Lets go of every sync that is still open, then of Redis. */
  close(): Promise<void>;
}

/** A sync, with how to let go of what it holds. */
export interface Sync extends SyncParts {
  close(): Promise<void>;
}

const USER_AGENT = 'omni-directory-sync';
/** How long a call may take that belongs to no sync, in milliseconds. */
const OWN_CALL_MS = 10_000;

/**
 * Builds all syncs of a configuration.
 * @throws SyncError `config`: Redis that cannot be reached or would lose data, a ledger of another Omni, an expression.
 */
export async function compose(options: ComposeOptions): Promise<Daemon> {
  const { config, log } = options;
  for (const warning of config.warnings) log.warn(warning);
  // What is wrong with an expression is said before anything is opened.
  config.syncs.forEach(mappingOf);
  await makeDataFolder(config.dataDir);
  const { redis, release } = await openRedis(config, log);
  const trail = openAudit({ config, log, redis });
  const metrics = createMetrics();
  const open = new Set<Sync>();
  const http = createHttp({ timeoutMs: OWN_CALL_MS, userAgent: USER_AGENT });
  const build = async (sync: SyncConfig) => {
    const built = buildSync(sync, { ...options, redis, trail, metrics });
    open.add(built);
    if (options.rebind) await noted(built.ledger.audit, { did: 'rebind', who: cliActor() });
    if (options.readOnly !== true) await built.ledger.begin();
    return { ...built, close: () => (open.delete(built) ? built.close() : Promise.resolve()) };
  };
  const close = async () => {
    for (const sync of open) await sync.close();
    http.close();
    await trail.close();
    await redis.quit().catch(() => redis.disconnect());
    await release();
  };
  try {
    for (const fault of await inspectRedis(redis)) {
      if (fault.severity === 'refuse') throw new SyncError('config', 'redis.policy', fault.message);
      log.warn(fault.message);
    }
    const syncs: Sync[] = [];
    for (const sync of config.syncs) syncs.push(await build(sync));
    return { syncs, redis, send: http.send, metrics, build, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function mappingOf({ users, leavers, omni }: SyncConfig): Mapping {
  const protect = [...leavers.protect, ...(omni.keyOwner === undefined ? [] : [omni.keyOwner])];
  return compileMapping({ ...users, protect });
}

interface Shared extends ComposeOptions {
  readonly redis: Redis;
  readonly trail: Trail;
  readonly metrics: Metrics;
}

function buildSync(sync: SyncConfig, shared: Shared): Sync {
  const { redis } = shared;
  const mapping = mappingOf(sync);
  const { omni: settings, policy, adopt, leavers } = sync;
  const log = shared.log.child({ sync: sync.name });
  const ledger = ledgerOf(sync, shared);
  const counting = { metrics: shared.metrics, sync: sync.name };
  const logged = logEvents(log, shared.onStep ?? (() => undefined));
  const events = countEvents(logged, { ...counting, runs: ledger.runs });
  const onChange = (key: string) => {
    shared.onSecret?.(key);
    log.info('an API key was changed');
  };
  const keys = watchKeys(settings.apiKeys, { onChange, onTrouble: events.trouble });
  const budget = createBudget({
    redis,
    host: new URL(settings.url).host,
    keys: keys.keys,
    requestsPerMinute: settings.requestsPerMinute,
  });
  const http = httpFor(settings);
  const queueOptions = { redis, prefix: syncTag(sync.name), readOnly: shared.readOnly === true };
  const queues = openQueues(queueOptions, events.trouble);
  return {
    name: sync.name,
    schedule: { expression: sync.schedule, full: sync.fullSchedule, timezone: sync.timezone },
    verifySchedule: sync.verifySchedule,
    directory: openSource(sync, mapping),
    basis: JSON.stringify([sync.users, leavers.protect, settings.keyOwner, policy, adopt]),
    mapping,
    fingerprint: compileFingerprint({ attributeNames: mapping.attributeNames, updates: policy !== 'create' }),
    rules: { policy, adopt },
    driftRules: { ...sync.drift, policy },
    leaving: {
      action: leavers.action,
      before: leavers.before === undefined ? undefined : removalHook(leavers.before, http.send),
      protects: mapping.protects,
    },
    leaverRules: { graceMs: leavers.graceMs, limit: leavers.limit },
    ledger,
    queues,
    queueOptions,
    omni: createOmni({ baseUrl: settings.url, http: countRequests(http.send, counting), budget }),
    budget,
    slack: slackOf(settings, { redis, budget, busy: () => isBusy(queues) }),
    events,
    stamp: stampOf(sync),
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

function ledgerOf(sync: SyncConfig, { redis, config, rebind, trail }: Shared): Ledger {
  return createLedger({
    redis,
    sync: sync.name,
    identity: identityOf(sync),
    dataDir: config.dataDir,
    rebind,
    trail,
    auditValues: config.audit.values,
    encryptionKeys: config.redis.encryptionKeys,
  });
}

function slackOf(
  { url, requestsPerMinute, apiKeys }: SyncConfig['omni'],
  parts: Pick<SlackOptions, 'redis' | 'budget' | 'busy'>,
): Budget {
  return createSlack({
    ...parts,
    host: new URL(url).host,
    requestsPerMinute: requestsPerMinute * apiKeys.length,
  });
}

function httpFor({ timeoutMs, ca, proxy }: SyncConfig['omni']): HttpClient {
  return createHttp({
    timeoutMs,
    userAgent: USER_AGENT,
    ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') }),
    ...(proxy !== undefined && { proxy }),
  });
}

function identityOf({ omni, directory, users }: SyncConfig): Identity {
  const omniHost = new URL(omni.url).host;
  return { omniHost, directory: directoryIdentity(directory), idExpression: users.id };
}

function openSource({ directory, fullSchedule }: SyncConfig, { fields }: Mapping): Directory {
  return openDirectory(directoryOptions(directory, { fields, changes: fullSchedule !== undefined }));
}

/** Enough requests under way to use the budget where Omni takes two seconds to answer. */
function concurrencyFor(requestsPerMinute: number): number {
  return Math.min(16, Math.max(2, Math.ceil(requestsPerMinute / 30)));
}

/** Of all that a desired state, or a removal, depends on. No secret is in it. */
function stampOf({ directory, users, policy, adopt, leavers }: SyncConfig): string {
  const source = directory.type === 'ldap' ? directory.filter : directory.path;
  const { graceMs, limit, protect } = leavers;
  const leaving = [graceMs, limit, protect];
  const text = JSON.stringify([directoryIdentity(directory), source, users, policy, adopt, leaving]);
  return hash('sha256', text, 'base64url').slice(0, 12);
}

/** A file may move to another folder, a server may not become another one. */
function directoryIdentity(directory: DirectoryConfig): string {
  return directory.type === 'file'
    ? `file ${basename(directory.path)}`
    : `${directory.url} ${directory.baseDn}`;
}
