/** The shapes of what the HTTP interface answers, for the OpenAPI document; the compiler holds them to the types that are answered. */
import { z } from 'zod';
import type { StoredHeld } from '../ledger/held.ts';
import type { StoredTombstone } from '../ledger/leavers.ts';
import type { SetAside } from '../ledger/quarantine.ts';
import type { PersonOutcome } from '../model/asked.ts';
import { CHANGE_KINDS, type Rejection } from '../model/change.ts';
import type { DriftList } from './drift-view.ts';
import type { AskView, FailedView, LeaversView } from './operations.ts';
import type { RunView, SyncView } from './status.ts';

const COUNT = z.int().min(0);
/** Milliseconds since 1970. */
const MOMENT = z.number();
const ISO = z.iso.datetime({ offset: true });

export const RUN = z.strictObject({
  id: z.string(),
  startedAt: ISO,
  finishedAt: ISO.nullable(),
  kind: z.enum(['full', 'changes']),
  complete: z.boolean(),
  ended: z.boolean(),
  problem: z.string().nullable(),
  read: COUNT,
  changes: z.record(z.enum(CHANGE_KINDS), COUNT),
  applied: COUNT,
  failed: COUNT,
  held: COUNT,
  rejected: COUNT,
  leavers: COUNT,
  calls: COUNT,
  repairs: COUNT,
}) satisfies z.ZodType<RunView>;

const DRIFT = z.strictObject({
  people: COUNT,
  verifiedAt: ISO.nullable(),
  problem: z.string().nullable(),
});

export const STATUS = z.strictObject({
  name: z.string(),
  run: RUN.nullable(),
  inStep: COUNT,
  waiting: COUNT,
  failed: COUNT,
  halted: z.boolean(),
  unreachable: z.boolean(),
  paused: z.boolean(),
  nextRun: ISO.nullable(),
  drift: DRIFT,
  requestsPerMinute: COUNT,
  secondsLeft: COUNT,
}) satisfies z.ZodType<SyncView>;

const LEAVER = z.strictObject({
  ref: z.string(),
  sourceId: z.string(),
  omniId: z.string(),
  userName: z.string(),
  cause: z.enum(['missing', 'inactive', 'outOfScope']),
  since: MOMENT,
  due: MOMENT,
  stage: z.enum(['grace', 'held', 'approved', 'leaving']),
  heldBy: z.enum(['review', 'missing', 'due']).exactOptional(),
  reason: z.string().exactOptional(),
}) satisfies z.ZodType<StoredTombstone>;

const HELD_CHANGE = z.strictObject({
  ref: z.string(),
  what: z.enum(['adopt', 'relink']),
  from: z.string().exactOptional(),
  sourceId: z.string(),
  userName: z.string(),
  omniId: z.string(),
  displayName: z.string().exactOptional(),
  since: MOMENT,
  answer: z.enum(['approved', 'kept']).exactOptional(),
}) satisfies z.ZodType<StoredHeld>;

export const LEAVERS = z.strictObject({
  name: z.string(),
  held: COUNT,
  digest: z.string().nullable(),
  leavers: z.array(LEAVER),
  changes: z.array(HELD_CHANGE),
  changesDigest: z.string().nullable(),
  kept: z.array(z.strictObject({ sourceId: z.string(), ref: z.string(), userName: z.string() })),
  unmatched: z.array(z.strictObject({ omniId: z.string(), userName: z.string() })),
}) satisfies z.ZodType<LeaversView>;

const REQUEST = z.strictObject({
  method: z.string(),
  path: z.string(),
  status: z.int().exactOptional(),
  answer: z.string().exactOptional(),
});

const KINDS = [
  'transient',
  'throttled',
  'unknown',
  'missing',
  'conflict',
  'refused',
  'unauthorized',
  'incomplete',
  'unsafe',
  'config',
  'bug',
] as const;

const SET_ASIDE = z.strictObject({
  ref: z.string(),
  sourceId: z.string(),
  version: z.string(),
  kind: z.enum(KINDS),
  code: z.string(),
  message: z.string(),
  request: REQUEST.exactOptional(),
  until: z.enum(['time', 'reconcile', 'change']),
  at: MOMENT,
  notBefore: MOMENT,
}) satisfies z.ZodType<SetAside>;

const REJECTION = z.strictObject({
  sourceId: z.string().exactOptional(),
  where: z.string().exactOptional(),
  code: z.string(),
  reason: z.string(),
}) satisfies z.ZodType<Rejection>;

export const FAILED = z.strictObject({
  name: z.string(),
  failed: z.array(SET_ASIDE),
  rejected: z.array(REJECTION),
}) satisfies z.ZodType<FailedView>;

const DRIFTED_FIELD = z.strictObject({
  field: z.string(),
  mode: z.enum(['report', 'repair']),
  since: ISO,
  handed: z.boolean(),
});

const PASS = z.strictObject({
  startedAt: ISO,
  finishedAt: ISO,
  problem: z.string().nullable(),
  compared: COUNT,
  calls: COUNT,
});

export const DRIFT_LIST = z.strictObject({
  name: z.string(),
  people: z.array(
    z.strictObject({
      ref: z.string(),
      sourceId: z.string(),
      omniId: z.string(),
      userName: z.string().nullable(),
      fields: z.array(DRIFTED_FIELD),
    }),
  ),
  lastPass: PASS.nullable(),
  nextPass: ISO.nullable(),
  share: z.number().min(0).max(1),
}) satisfies z.ZodType<DriftList>;

export const ACT_DONE = z.strictObject({ done: z.array(z.string()), unknown: z.array(z.string()) });

export const APPROVED = z.strictObject({ ...ACT_DONE.shape, stillHeld: COUNT });

const OUTCOMES = [
  'inStep',
  'queued',
  'leaver',
  'waits',
  'setAside',
  'rejected',
  'unread',
  'unknown',
] as const;

const PERSON = z.strictObject({
  outcome: z.enum(OUTCOMES),
  sourceId: z.string().exactOptional(),
  ref: z.string().exactOptional(),
  says: z.string(),
}) satisfies z.ZodType<PersonOutcome>;

export const ASK = z.union([
  z.strictObject({ state: z.enum(['waiting', 'running', 'unknown']) }),
  z.strictObject({ state: z.literal('done'), run: RUN.nullable(), person: PERSON.nullable() }),
]) satisfies z.ZodType<AskView>;

/** As ops/explanation.ts has it. */
export const EXPLANATION = z.looseObject({
  sync: z.string(),
  sourceId: z.string(),
  ref: z.string(),
  next: z.string(),
});
