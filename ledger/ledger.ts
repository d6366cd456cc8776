/** What Redis remembers of one sync, as one object: the only door to the ledger for the floors above. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type Alarms, createAlarms } from './alarms.ts';
import { type Asks, createAsks } from './asks.ts';
import { type Audit, createAudit } from './audit.ts';
import type { Trail } from './audit-trail.ts';
import { type Carry, createCarry } from './carry.ts';
import { clockOf } from './clock.ts';
import { type Committer, createCommitter } from './commit.ts';
import { createDefinitions, type Definitions } from './definitions.ts';
import { createDrift, type Drift } from './drift.ts';
import { createEnvelope, type Envelope } from './envelope.ts';
import { createHeld, type Held } from './held.ts';
import { createIntents, type Intents } from './intents.ts';
import { type SyncKeys, syncKeys } from './keys.ts';
import { acquireHand, acquireLease, type Hand, type Lease } from './lease.ts';
import { createLeavers, type Leavers } from './leavers.ts';
import { createLinks, type Links } from './links.ts';
import { createMeta, type Identity, type Meta } from './meta.ts';
import { dropMoved } from './moved.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { createQuarantine, type Quarantine } from './quarantine.ts';
import { createRefs } from './ref.ts';
import { createRegister, type Register } from './register.ts';
import { createReview, type Review } from './review.ts';
import { createRuns, type Runs } from './runs.ts';
import { type ScriptedRedis, withScripts } from './scripts.ts';
import { createSettler, type Settler } from './settle.ts';
import { createSigns, type Signs } from './signs.ts';
import { createWatermarks, type Watermarks } from './watermark.ts';

/** How far the clocks of replicas may be apart that are to act on a slot once. */
const CLOCKS_APART_SECONDS = 3600;
/** No sync can be called so: under its keys nothing is ever written. */
const NOBODY = ' ';

export interface Ledger extends Committer, Settler, Review, Intents {
  /** Whose people it remembers, or is to remember. */
  readonly identity: Identity;
  readonly meta: Pick<Meta, 'warm' | 'count' | 'witness'>;
  readonly links: Links;
  readonly outbox: Outbox;
  readonly quarantine: Quarantine;
  readonly register: Register;
  readonly runs: Runs;
  readonly asks: Asks;
  readonly leavers: Leavers;
  readonly definitions: Definitions;
  readonly held: Held;
  readonly watermarks: Watermarks;
  readonly drift: Drift;
  readonly signs: Signs;
  readonly audit: Audit;
  readonly alarms: Alarms;
  /** Takes links of another ledger in. */
  readonly carry: Carry;
  /** Opens the ledger; see Meta.begin. `ref` names people for as long as this ledger is not wiped. */
  begin(): Promise<{
    readonly ref: (sourceId: string) => string;
    readonly epoch: string;
    readonly cold: boolean;
  }>;
  /** Looks without writing anything, also where `begin` would refuse. */
  look(): Promise<LedgerLook>;
  lease(holder: string): Promise<Lease | undefined>;
  /** Takes out of what is sealed what was not sealed where it stands, or was changed. */
  dropMoved(): Promise<void>;
  /** The lease of single look-ups by hand, which go on beside a reconcile. */
  hand(holder: string): Promise<Hand | undefined>;
  /** Refs of people whom a look-up by hand has written since the last reconcile began. */
  askedFor(): Promise<ReadonlySet<string>>;
  /** Redis's clock, in milliseconds since 1970. */
  now(): Promise<number>;
  /**
   * Whether this holder is the one that acts on a slot of this schedule. It may claim a slot again: its clock was set back,
   * and the slot has come a second time.
   */
  claimTick(schedule: string, slot: Slot, holder: string): Promise<boolean>;
  /** Gives a slot back that could not be acted on. */
  releaseTick(schedule: string, slot: Slot): Promise<void>;
}

/** A time at which something is due by a schedule, in milliseconds since 1970, and the one after it. */
export interface Slot {
  readonly at: number;
  readonly next: number;
}

/** What is remembered of people, to be read. */
export type Memory = Pick<
  Ledger,
  'links' | 'outbox' | 'quarantine' | 'leavers' | 'definitions' | 'unmatched' | 'held'
>;

/** A ledger as it is, or would be. */
export interface LedgerLook {
  readonly ref: (sourceId: string) => string;
  /** It has refs that will last: it was begun. */
  readonly begun: boolean;
  readonly cold: boolean;
  /** How its identity differs from the one in use, in words. */
  readonly rebinds?: string;
  /** Of another Omni's people nothing would be remembered. */
  readonly memory: Memory;
}

export interface LedgerOptions {
  readonly redis: Redis;
  readonly sync: string;
  readonly identity: Identity;
  readonly dataDir: string;
  readonly rebind: boolean;
  /** Where the audit record goes on disk; left out: nowhere. */
  readonly trail?: Trail;
  /** Records the values that are sent to Omni too. */
  readonly auditValues?: boolean;
  /** The secrets that seal what is kept of people: see createEnvelope. */
  readonly encryptionKeys?: readonly string[];
}

/** The ledger of a sync. */
export function createLedger(options: LedgerOptions): Ledger {
  const redis = withScripts(options.redis);
  const keys = syncKeys(options.sync);
  const envelope = createEnvelope(options.encryptionKeys ?? []);
  const meta = createMeta({ ...options, redis, keys, envelope });
  const audit = createAudit({ ...options, redis, keys, values: options.auditValues === true });
  const parts = { audit, envelope };
  const memory = memoryOf(redis, keys, parts);
  const now = clockOf(redis);
  return {
    ...createCommitter(redis, keys, audit),
    ...createSettler(redis, keys, audit),
    ...createReview(redis, keys, envelope),
    ...createIntents(redis, keys, envelope),
    ...memory,
    identity: options.identity,
    meta,
    register: createRegister(redis, options.identity.omniHost, options.sync),
    runs: createRuns(redis, keys),
    asks: createAsks(redis, keys, envelope),
    watermarks: createWatermarks(redis, keys, envelope),
    drift: createDrift(redis, keys),
    carry: createCarry(redis, keys),
    async look() {
      const { refKey, cold, rebinds, otherOmni } = await meta.look();
      return {
        ref: createRefs(refKey ?? randomUUID()),
        begun: refKey !== undefined,
        cold,
        ...(rebinds !== undefined && { rebinds }),
        memory: otherOmni ? memoryOf(redis, syncKeys(NOBODY), parts) : memory,
      };
    },
    signs: createSigns(redis, keys, now),
    audit,
    alarms: createAlarms(redis, keys),
    async begin() {
      const { refKey, ...begun } = await meta.begin();
      return { ...begun, ref: createRefs(refKey) };
    },
    lease: (holder) => acquireLease(redis, keys, holder),
    dropMoved: () => dropMoved(redis, keys, envelope),
    hand: (holder) => acquireHand(redis, keys, holder),
    askedFor: async () => new Set(await redis.smembers(keys.asked)),
    now,
    releaseTick: async (schedule, { at }) => void (await redis.del(keys.tick(schedule, at))),
    async claimTick(schedule, { at, next }, holder) {
      const key = keys.tick(schedule, at);
      // Whoever stood still acts on a slot until the next one comes.
      const seconds = Math.ceil(Math.max(0, next - at) / 1000) + CLOCKS_APART_SECONDS;
      if ((await redis.set(key, holder, 'EX', seconds, 'NX')) === 'OK') return true;
      return (await redis.get(key)) === holder;
    },
  };
}

interface MemoryParts {
  readonly audit: Audit;
  readonly envelope: Envelope;
}

function memoryOf(redis: ScriptedRedis, keys: SyncKeys, parts: MemoryParts): Memory {
  const { envelope } = parts;
  return {
    links: createLinks(redis, keys),
    outbox: createOutbox(redis, keys, envelope),
    quarantine: createQuarantine(redis, keys, parts),
    leavers: createLeavers(redis, keys, envelope),
    definitions: createDefinitions(redis, keys),
    held: createHeld(redis, keys, envelope),
    unmatched: createReview(redis, keys, envelope).unmatched,
  };
}
