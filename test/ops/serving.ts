/** A real HTTP interface over a sync put together in process, and a client that can say anything. */
import { type IncomingHttpHeaders, request } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { Health } from '../../model/health.ts';
import { createLog } from '../../ops/log.ts';
import { createMetrics, type MeasuredSync } from '../../ops/metrics.ts';
import { type RunningServer, type ServerOptions, startServer } from '../../ops/server.ts';
import { operationsOf } from '../../worker/operations.ts';
import type { SyncParts } from '../../worker/sync.ts';
import { expectNothingPlanted } from '../support/leaks.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { createRig, type Rig, type RigOptions } from '../worker/rig.ts';

export const TOKENS = [
  { name: 'reader', scope: 'read', token: `read-${'r'.repeat(32)}` },
  { name: 'operator', scope: 'operate', token: `operate-${'o'.repeat(32)}` },
  { name: 'approver', scope: 'approve', token: `approve-${'a'.repeat(32)}` },
] as const;

export const [READ, OPERATE, APPROVE] = TOKENS.map(({ token }) => token) as [string, string, string];

export interface Sent {
  readonly method?: string;
  /** A bearer token. */
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a text as it is. */
  readonly body?: unknown;
}

export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON. */
  json(): unknown;
}

/** Sends one request. */
export function ask(base: string, path: string, sent: Sent = {}): Promise<Got> {
  const { method = 'GET', token, body } = sent;
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(text === undefined ? {} : { 'content-type': 'application/json' }),
    ...sent.headers,
  };
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, base), { method, headers, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      const finish = () => {
        const text = Buffer.concat(parts).toString();
        const status = answer.statusCode ?? 0;
        resolve({ status, headers: answer.headers, text, json: () => JSON.parse(text) });
      };
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', finish);
      // A stream of events has no end: its first piece is what there is of it.
      if (answer.headers['content-type'] !== 'text/event-stream') return;
      answer.once('data', () => {
        finish();
        answer.destroy();
      });
    });
    asked.on('error', reject);
    asked.end(text);
  });
}

export interface Serving {
  readonly rig: Rig;
  readonly parts: SyncParts;
  readonly server: RunningServer;
  ask(path: string, sent?: Sent): Promise<Got>;
  /** What the server logged. */
  told(): string;
}

/** All is well. */
export const HEALTHY: Health = {
  alive: true,
  ready: true,
  reasons: [],
  redis: { up: true, memoryRatio: 0 },
  syncs: [{ name: 'acme', roleAgesMs: { worker: 1_000 }, convergedAt: 1_000 }],
};

/** A sync of the rig as compose.ts would have it. */
function partsOf(rig: Rig): SyncParts {
  const { queues, queueOptions, budget, ledger, omni, events } = rig;
  const schedule = { expression: '*/15 * * * *', full: undefined, timezone: 'UTC' };
  const rate = { requestsPerMinute: 60, keys: 1 };
  const more = {
    queues,
    queueOptions,
    budget,
    ledger,
    omni,
    events,
    schedule,
    verifySchedule: undefined,
    rate,
    concurrency: 2,
    stamp: 's',
  };
  return { ...rig.deps(), ...more, name: 'acme', verifySchedule: undefined };
}

function measuredOf(parts: SyncParts): MeasuredSync {
  const { queues, budget } = parts;
  return { operations: operationsOf(parts), queues, budget, requestsPerMinute: 60 };
}

/** Starts a Redis for this file's tests, and gives what serves a sync on it. */
export function servingOfFile(): {
  (options?: Partial<ServerOptions>, rig?: Partial<RigOptions>): Promise<Serving>;
  redis(): TestRedis;
} {
  let redis: TestRedis;
  let open: { rig: Rig; server: RunningServer; told: string[] }[] = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis.stop();
  });
  beforeEach(async () => {
    const client = redis.client();
    await client.flushall();
    client.disconnect();
  });
  afterEach(async () => {
    for (const { rig, server, told } of open) {
      await server.stop();
      await rig.close();
      expectNothingPlanted(told.join(''));
    }
    open = [];
  });
  const serve = async (options: Partial<ServerOptions> = {}, rigOptions: Partial<RigOptions> = {}) => {
    const rig = await createRig({ server: redis, ...rigOptions });
    const told: string[] = [];
    const log = createLog({ level: 'trace', secrets: [], stream: { write: (line) => void told.push(line) } });
    const parts = partsOf(rig);
    const server = await startServer({
      host: '127.0.0.1',
      port: 0,
      tokens: TOKENS,
      syncs: () => [operationsOf(partsOf(rig))],
      redis: rig.redis,
      health: () => HEALTHY,
      metrics: createMetrics(),
      measured: () => [measuredOf(partsOf(rig))],
      log,
      ...options,
    });
    open.push({ rig, server, told });
    return {
      rig,
      parts,
      server,
      ask: (path: string, sent?: Sent) => ask(server.url, path, sent),
      told: () => told.join(''),
    };
  };
  return Object.assign(serve, { redis: () => redis });
}
