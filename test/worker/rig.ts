/** One sync put together in process for tests: real Redis, queues, client and sandbox; the directory is in memory. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { createHttp } from '../../http/client.ts';
import {
  type ApplyJob,
  isBusy,
  openApplyWorker,
  openQueues,
  type QueueOptions,
  type Queues,
} from '../../jobs/queues.ts';
import { createBudget, type HostBudget } from '../../ledger/budget.ts';
import { createSlack } from '../../ledger/budget-slack.ts';
import { type SyncKeys, syncKeys, syncTag } from '../../ledger/keys.ts';
import { createLedger, type Ledger } from '../../ledger/ledger.ts';
import type { RunRecord } from '../../ledger/runs.ts';
import type { Link } from '../../model/link.ts';
import { createOmni, type Omni } from '../../omni/client.ts';
import { createLog } from '../../ops/log.ts';
import type { Rules } from '../../plan/decide.ts';
import type { DriftRules } from '../../plan/drift.ts';
import { compileFingerprint } from '../../plan/fingerprint.ts';
import { compileMapping, type MappingOptions } from '../../plan/map.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../sandbox/server.ts';
import { handleApplyJob } from '../../worker/apply-job.ts';
import type { AppliedEvent, Events, SetbackEvent, Step } from '../../worker/events.ts';
import type { LeavingRules } from '../../worker/finish.ts';
import type { LeaverRules } from '../../worker/leavers.ts';
import { logEvents } from '../../worker/log-events.ts';
import { type ReconcileDeps, reconcile } from '../../worker/reconcile.ts';
import { spendFrom } from '../../worker/spending.ts';
import type { SyncParts } from '../../worker/sync.ts';
import { type VerifyDeps, verify } from '../../worker/verify.ts';
import { everyKey, expectKeptWell, expectNothingPlanted } from '../support/leaks.ts';
import { createPeople, type People } from '../support/people.ts';
import type { TestRedis } from '../support/redis.ts';

type DriftedEvent = Parameters<Events['drifted']>[0];
type VerifiedEvent = Parameters<Events['verified']>[0];

const KEY = 'omni-sandbox-key';

export interface RigOptions {
  readonly server: TestRedis;
  readonly rules?: Partial<Rules>;
  readonly mapping?: Partial<MappingOptions>;
  readonly sandbox?: SandboxOptions;
  /** A second sync of the same Omni host. */
  readonly beside?: Rig;
  readonly name?: string;
  /** Nobody has asked Omni for its attribute definitions today. */
  readonly definitions?: 'unread';
  /** What Redis keeps of people is sealed with these. */
  readonly encryptionKeys?: readonly string[];
}

export interface Configuration {
  readonly rules?: Partial<Rules>;
  readonly mapping?: Partial<MappingOptions>;
  readonly leaving?: Partial<Omit<LeavingRules, 'protects'>>;
  readonly leaverRules?: Partial<LeaverRules>;
  readonly drift?: Omit<DriftRules, 'policy'>;
}

export interface Rig {
  readonly redis: Redis;
  readonly keys: SyncKeys;
  readonly sandbox: Sandbox;
  readonly ledger: Ledger;
  readonly queues: Queues;
  readonly queueOptions: QueueOptions;
  readonly omni: Omni;
  readonly budget: HostBudget;
  readonly people: People;
  readonly applied: AppliedEvent[];
  readonly setbacks: SetbackEvent[];
  readonly troubles: Error[];
  readonly drifted: DriftedEvent[];
  readonly passes: VerifiedEvent[];
  readonly worker: Worker<ApplyJob>;
  readonly events: Events;
  /** What a test does at a step; throwing breaks off there, as a death does. */
  onStep: (step: Step) => void;
  /** As another configuration would have it. */
  configure(change: Configuration): void;
  deps(): ReconcileDeps & VerifyDeps & { readonly leaving: LeavingRules };
  /** Runs a verify pass. */
  verify(signal?: AbortSignal): Promise<void>;
  /** The sync, as commands are given it. */
  parts(): SyncParts;
  /** Asks and reconciles here; returns the run's record as it is then. */
  reconcile(about?: { full?: boolean; changes?: true; signal?: AbortSignal }): Promise<RunRecord>;
  /** Applies whatever is in the queue now and not delayed; returns how many jobs that were. */
  drain(signal?: AbortSignal): Promise<number>;
  /** The requests that the sandbox got since this was last asked: `POST /api/scim/v2/users`. */
  calls(): string[];
  links(): Promise<Link[]>;
  /** Lets go of everything, and makes sure that neither the log nor a job held personal data. */
  close(): Promise<void>;
}

/** A sync on a Redis of its own choosing, which the caller empties between tests. */
export async function createRig(options: RigOptions): Promise<Rig> {
  const sandbox =
    options.beside?.sandbox ?? (await startSandbox({ requestsPerMinute: 1_000_000, ...options.sandbox }));
  const name = options.name ?? 'acme';
  const redis = options.server.client();
  const dataDir = mkdtempSync(join(tmpdir(), 'rig-'));
  const people = createPeople();
  const host = new URL(sandbox.url).host;
  const identity = { omniHost: host, directory: people.directory.name, idExpression: 'id' };
  const { encryptionKeys = [] } = options;
  const ledger = createLedger({ redis, sync: name, identity, dataDir, rebind: false, encryptionKeys });
  const queueOptions = { redis, prefix: syncTag(name) };
  const worker = openApplyWorker(queueOptions);
  const budget = createBudget({ redis, host, keys: () => [KEY], requestsPerMinute: 1_000_000 });
  const http = createHttp({ timeoutMs: 30_000, userAgent: 'test' });
  const omni = createOmni({
    baseUrl: sandbox.url,
    http: http.send,
    budget,
    retry: { retries: 1, minTimeout: 1 },
  });
  const applied: AppliedEvent[] = [];
  const setbacks: SetbackEvent[] = [];
  const troubles: Error[] = [];
  const drifted: DriftedEvent[] = [];
  const passes: VerifiedEvent[] = [];
  const told: string[] = [];
  const log = createLog({ level: 'trace', secrets: [], stream: { write: (line) => void told.push(line) } });
  const logged = logEvents(log, (step) => rig.onStep(step));
  const events: Events = {
    ...logged,
    applied(event) {
      applied.push(event);
      logged.applied(event);
    },
    setback(event) {
      setbacks.push(event);
      logged.setback(event);
    },
    drifted(event) {
      drifted.push(event);
      logged.drifted(event);
    },
    verified(event) {
      passes.push(event);
      logged.verified(event);
    },
    trouble(error) {
      troubles.push(error);
      logged.trouble(error);
    },
  };
  worker.on('error', events.trouble);
  const queues = openQueues(queueOptions, events.trouble);
  const slack = createSlack({
    redis,
    host,
    budget,
    requestsPerMinute: 1_000_000,
    busy: () => isBusy(queues),
  });
  let rules: Rules = { policy: 'upsert', adopt: 'always', ...options.rules };
  let leaving: Omit<LeavingRules, 'protects'> = { action: 'deactivate', before: undefined };
  let drift: Omit<DriftRules, 'policy'> = { otherwise: 'report', fields: {} };
  let leaverRules: LeaverRules = {
    graceMs: { missing: 0, inactive: 0, outOfScope: 0 },
    limit: { people: 5, percent: 2 },
  };
  let mapping: MappingOptions = {
    id: 'id',
    userName: 'email',
    displayName: 'name',
    active: 'status == "active"',
    where: 'region != "nowhere"',
    ...options.mapping,
  };
  // As read today, so that the calls of a test are its own; test/worker/definitions.test.ts reads them.
  const names = Object.keys(mapping.attributes ?? {});
  if (options.definitions !== 'unread') {
    await ledger.definitions.write(
      names.map((name) => ({ name, type: 'String', multiple: true, system: false })),
    );
  }
  let seen = 0;

  const rig: Rig = {
    redis,
    keys: syncKeys(name),
    sandbox,
    ledger,
    queues,
    queueOptions,
    omni,
    budget,
    people,
    applied,
    setbacks,
    troubles,
    drifted,
    passes,
    worker,
    events,
    onStep: () => undefined,
    configure(change) {
      rules = { ...rules, ...change.rules };
      leaving = { ...leaving, ...change.leaving };
      leaverRules = { ...leaverRules, ...change.leaverRules };
      drift = change.drift ?? drift;
      mapping = { ...mapping, ...change.mapping };
    },
    deps() {
      const compiled = compileMapping(mapping);
      const updates = rules.policy !== 'create';
      const fingerprint = compileFingerprint({ attributeNames: compiled.attributeNames, updates });
      const { directory } = people;
      return {
        directory,
        basis: JSON.stringify([mapping, rules]),
        mapping: compiled,
        fingerprint,
        ledger,
        queues,
        omni,
        rules,
        leaving: { ...leaving, protects: compiled.protects },
        leaverRules,
        driftRules: { ...drift, policy: rules.policy },
        slack,
        events,
        holder: randomUUID(),
      };
    },
    parts: () => ({
      ...rig.deps(),
      stamp: 'rig',
      name,
      schedule: { expression: '*/15 * * * *', full: undefined, timezone: 'UTC' },
      verifySchedule: undefined,
      queueOptions,
      omni,
      budget,
      rate: { requestsPerMinute: 60, keys: 1 },
      concurrency: 2,
    }),
    async reconcile({ full = false, changes, signal = new AbortController().signal } = {}) {
      const id = await ledger.asks.add({ by: 'test', full, ...(changes && { changes }) });
      await reconcile(rig.deps(), { signal, last: false });
      const state = await ledger.asks.state(id);
      const run = state.kind === 'done' ? await ledger.runs.get(state.run) : undefined;
      if (run === undefined) throw new Error(`the ask is ${state.kind}`);
      return run;
    },
    verify: (signal = new AbortController().signal) => verify(rig.deps(), signal),
    async drain(signal = new AbortController().signal) {
      for (let jobs = 0; ; jobs += 1) {
        const token = randomUUID();
        const job = await worker.getNextJob(token, { block: false });
        if (job === undefined) return jobs;
        const spending = spendFrom(budget, undefined);
        await handleApplyJob({ job, token, spending }, { ...rig.deps(), events, signal });
      }
    },
    calls() {
      const calls = sandbox.calls(seen);
      seen = calls.at(-1)?.seq ?? seen;
      return calls.map(({ method, route }) => `${method} ${route}`);
    },
    async links() {
      const links: Link[] = [];
      for await (const page of ledger.links.stored()) links.push(...page.map(({ link }) => link));
      return links.sort((a, b) => (a.sourceId < b.sourceId ? -1 : 1));
    },
    async close() {
      // A test may have ended its Redis.
      const kept = redis.status === 'ready' ? await everyKey(redis) : new Map();
      await worker.close(true);
      await queues.close();
      redis.disconnect();
      http.close();
      if (options.beside === undefined) await sandbox.close();
      rmSync(dataDir, { recursive: true, force: true });
      expectNothingPlanted(told.join(''));
      expectKeptWell(kept);
    },
  };
  return rig;
}

export const LIST = 'GET /api/scim/v2/users';
export const POST = 'POST /api/scim/v2/users';
export const PATCH = 'PATCH /api/scim/v2/users/{id}';

/** `calls` as how often each was made. */
export function tally(calls: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const call of calls) counts[call] = (counts[call] ?? 0) + 1;
  return counts;
}
