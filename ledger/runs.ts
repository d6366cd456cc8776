/** The record of each reconcile: when, whether its read was complete, what it found, and what has come of it since. */
import type { Redis } from 'ioredis';
import { type ChangeCounts, noChanges } from '../model/change.ts';
import type { SyncKeys } from './keys.ts';

/** Runs that are remembered. */
const KEPT_RUNS = 200;
const KEPT_SECONDS = 30 * 24 * 3600;

/** full: everybody was to be read. changes: who changed since the last read. */
export type ReadKind = 'full' | 'changes';

/** What a reconcile found, written when it ends. */
export interface RunFindings {
  /** Runs of before there were reads of changes have none. */
  readonly kind?: ReadKind;
  /** The read came to its end, and where it was a full one, it is known who is absent. */
  readonly complete: boolean;
  /** The read came to its end; it is complete too, unless it is not known who is absent. */
  readonly ended: boolean;
  /** Why the read was not complete. */
  readonly problem?: string;
  /** Records read. */
  readonly read: number;
  /** People in scope; in a read of changes, with those whom the last full read counted. So are the rejected and the leavers. */
  readonly inScope: number;
  readonly changes: ChangeCounts;
  /** People whose drift is set back, and nothing else; they are in no count of changes. Runs of older programs have none. */
  readonly repairs?: number;
  /** People whose account is looked at first, since what the links say was to be distrusted. */
  readonly looks?: number;
  readonly rejected: number;
  /** Linked people who are gone, out of scope or inactive. */
  readonly leavers: number;
  /** Whoever is held until an operator approves: leavers, accounts to adopt, links to move. */
  readonly held: number;
  /** People in scope whose account waits for an operator's word, or was refused by it. */
  readonly asking?: number;
}

export interface RunRecord extends RunFindings {
  readonly id: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly finishedAt?: string;
  readonly applied: number;
  readonly failed: number;
  /** Requests made to Omni so far. */
  readonly calls: number;
}

export interface Runs {
  begin(id: string, startedAt: Date): Promise<void>;
  /** `calls`: what the reconcile itself asked of Omni (its list pages). */
  finish(
    id: string,
    findings: RunFindings & { readonly calls: number; readonly finishedAt: Date },
  ): Promise<void>;
  /** Ends a run that broke off, with the reason. */
  fail(id: string, problem: string, finishedAt: Date): Promise<void>;
  get(id: string): Promise<RunRecord | undefined>;
  /** Counts requests that Omni got for a run without anything coming of them. */
  addCalls(id: string, calls: number): Promise<void>;
  /** The newest runs, newest first. */
  recent(count: number): Promise<RunRecord[]>;
}

/** The runs of one sync. */
export function createRuns(redis: Redis, keys: SyncKeys): Runs {
  async function get(id: string): Promise<RunRecord | undefined> {
    const fields = await redis.hgetall(keys.run(id));
    return fields.startedAt === undefined ? undefined : recordOf(id, fields);
  }
  return {
    get,
    async begin(id, startedAt) {
      await redis
        .multi()
        .hset(keys.run(id), 'startedAt', startedAt.toISOString())
        .expire(keys.run(id), KEPT_SECONDS)
        .lpush(keys.runs, id)
        .ltrim(keys.runs, 0, KEPT_RUNS - 1)
        .exec();
    },
    async finish(id, { calls, finishedAt, ...findings }) {
      await redis
        .multi()
        .hset(keys.run(id), 'finishedAt', finishedAt.toISOString(), 'findings', JSON.stringify(findings))
        .hincrby(keys.run(id), 'calls', calls)
        .exec();
    },
    async fail(id, problem, finishedAt) {
      const findings: RunFindings = { ...NOTHING_YET, problem };
      const fields = { finishedAt: finishedAt.toISOString(), findings: JSON.stringify(findings) };
      await redis.hset(keys.run(id), fields);
    },
    async addCalls(id, calls) {
      if (calls > 0) await redis.hincrby(keys.run(id), 'calls', calls);
    },
    async recent(count) {
      const ids = await redis.lrange(keys.runs, 0, count - 1);
      const records = await Promise.all(ids.map(get));
      return records.filter((record) => record !== undefined);
    },
  };
}

const NOTHING_YET: RunFindings = {
  complete: false,
  ended: false,
  read: 0,
  inScope: 0,
  changes: noChanges(),
  rejected: 0,
  leavers: 0,
  held: 0,
};

function recordOf(id: string, fields: Record<string, string>): RunRecord {
  const findings = fields.findings === undefined ? NOTHING_YET : (JSON.parse(fields.findings) as RunFindings);
  return {
    id,
    startedAt: fields.startedAt ?? '',
    ...(fields.finishedAt === undefined ? {} : { finishedAt: fields.finishedAt }),
    ...findings,
    applied: Number(fields.applied ?? 0),
    failed: Number(fields.failed ?? 0),
    calls: Number(fields.calls ?? 0),
  };
}
