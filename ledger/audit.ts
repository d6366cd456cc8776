/** The audit record of one sync: what is done gets its id and time, goes to the host's file, and to Redis's capped view. */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { AuditEntry, AuditFacts } from '../model/audit.ts';
import { type AuditQuery, readAudit } from './audit-read.ts';
import type { Trail } from './audit-trail.ts';
import type { SyncKeys } from './keys.ts';

export interface Audit {
  /** Whether the values that are sent are recorded too. */
  readonly values: boolean;
  /** Facts with the sync, the time and, where they have none, an id. */
  stamp(facts: AuditFacts): AuditEntry;
  /**
   * Writes to the host's file. `durable`: it is on disk before this ends.
   * @throws SyncError `transient`, `audit.failed`, of what is durable, where the record is required.
   */
  keep(entry: AuditEntry, durable: boolean): Promise<void>;
  /** Adds to Redis's view, which every host sees. What a commit records gets there with it. */
  show(entry: AuditEntry): Promise<void>;
  /** What this host's folder and Redis's view hold, the oldest first, each entry once. */
  read(query: AuditQuery): Promise<AuditEntry[]>;
}

export interface AuditOptions {
  readonly redis: Redis;
  readonly keys: SyncKeys;
  readonly sync: string;
  readonly dataDir: string;
  /** Left out: nothing goes to disk. */
  readonly trail?: Trail;
  readonly values?: boolean;
}

/** For who writes to Redis's view alone. */
export const VIEW_ALONE: Pick<Audit, 'stamp' | 'keep'> = {
  stamp: (facts) => ({ at: new Date().toISOString(), ...facts }),
  keep: () => Promise.resolve(),
};

/** Entries of the view, more or less. */
const VIEW = 10_000;

/** The audit record of one sync. */
export function createAudit(options: AuditOptions): Audit {
  const { redis, keys, sync, trail, values = false } = options;
  return {
    values,
    stamp: (facts) => ({
      at: new Date().toISOString(),
      sync,
      id: randomBytes(9).toString('base64url'),
      ...facts,
    }),
    keep: async (entry, durable) => trail?.append(entry, durable),
    show: async (entry) =>
      void (await redis.xadd(keys.audit, 'MAXLEN', '~', VIEW, '*', 'record', JSON.stringify(entry))),
    read: (query) => readAudit(options, query),
  };
}
