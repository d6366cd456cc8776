/**
 * People set aside: after a refusal until their desired state changes or an operator says so, after a fault until
 * a time by Redis's clock. Lives here and never in BullMQ's failed set, which expires.
 */
import type { AuditFacts } from '../model/audit.ts';
import type { ErrorKind, FailedRequest } from '../model/errors.ts';
import { type Audit, VIEW_ALONE } from './audit.ts';
import { type Envelope, PLAIN, type Sealed } from './envelope.ts';
import type { SyncKeys } from './keys.ts';
import { scan } from './outbox.ts';
import type { ScriptedRedis } from './scripts.ts';

/**
 * What ends it. time: a job of theirs waits for the not-before time. reconcile: its attempts are spent, the next
 * reconcile begins afresh. change: another desired state, or an operator's retry.
 */
export type Until = 'time' | 'reconcile' | 'change';

/** Why someone is set aside. */
export interface Setback {
  readonly sourceId: string;
  /** The desired state that failed; another one is tried afresh. */
  readonly version: string;
  readonly kind: ErrorKind | 'bug';
  readonly code: string;
  readonly message: string;
  readonly request?: FailedRequest;
  readonly until: Until;
}

export interface SetAside extends Setback {
  readonly ref: string;
  /** When it happened, in milliseconds since 1970 by Redis's clock. */
  readonly at: number;
  /** Not before this time, by the same clock. */
  readonly notBefore: number;
}

/** What the run and the audit are told together with a setback. */
export interface SetbackTold {
  readonly run: string;
  readonly calls: number;
  /** Not to be tried again before so many milliseconds from now. */
  readonly waitMs: number;
  readonly audit?: AuditFacts;
}

export interface Quarantine {
  /** Notes why this desired state failed, if it waits still. */
  put(ref: string, setback: Setback, told: SetbackTold): Promise<void>;
  get(ref: string): Promise<SetAside | undefined>;
  all(): Promise<SetAside[]>;
  /** Forgets, so that they are tried again. */
  release(refs: readonly string[]): Promise<void>;
}

export interface QuarantineParts {
  readonly audit?: Pick<Audit, 'stamp' | 'keep'>;
  readonly envelope?: Envelope;
}

/** The quarantine of one sync. */
export function createQuarantine(
  redis: ScriptedRedis,
  keys: SyncKeys,
  parts: QuarantineParts = {},
): Quarantine {
  const { audit = VIEW_ALONE, envelope = PLAIN } = parts;
  const sealed = envelope.at(keys.quarantine);
  return {
    async put(ref, setback, told) {
      const failed = setback.until === 'time' ? 0 : 1;
      const record = told.audit && audit.stamp(told.audit);
      if (record !== undefined) await audit.keep(record, false);
      const shown = record === undefined ? '' : JSON.stringify(record);
      const tail = [Math.ceil(told.waitMs), told.calls, failed, shown];
      const about = [keys.quarantine, keys.run(told.run), keys.audit, keys.outbox];
      await redis.setAside(...about, ref, setback.version, sealed.write(setback, ref), ...tail);
    },
    async get(ref) {
      const text = await redis.hget(keys.quarantine, ref);
      return text === null ? undefined : parse(ref, text, sealed);
    },
    async all() {
      const found = new Map<string, SetAside>();
      for await (const page of scan(redis, keys.quarantine)) {
        for (const [ref, text] of page) found.set(ref, parse(ref, text, sealed));
      }
      return [...found.values()];
    },
    async release(refs) {
      if (refs.length > 0) await redis.hdel(keys.quarantine, ...refs);
    },
  };
}

function parse(ref: string, text: string, sealed: Sealed): SetAside {
  const [notBefore, at, ...json] = text.split('\n');
  const setback = sealed.read(json.join('\n'), ref) as Setback;
  return { ...setback, ref, at: Number(at), notBefore: Number(notBefore) };
}
