/** One entry of `syncs`: one directory paired with one Omni instance. Never holds what another entry needs. */
import { z } from 'zod';
import { type DirectoryConfig, directorySchema } from './directory.ts';
import { compilable, type ExpressionCheck } from './expressions.ts';
import { choice, IN_SECTION, mismatch, section, text, unknownKey } from './fields.ts';
import type { Files } from './files.ts';
import { type LeaversConfig, leaversSchema } from './leavers.ts';
import { type OmniConfig, omniSchema } from './omni.ts';
import { cron, timezone } from './time.ts';
import { type UsersConfig, usersSchema } from './users.ts';

const POLICIES = {
  create: 'creates accounts, changes nothing else',
  upsert: 'creates and updates',
  full: 'creates, updates and takes leavers away',
} as const;
const ADOPT = {
  always: 'links accounts that are there already',
  never: 'leaves them alone',
  ask: 'waits for an approval',
} as const;
const DRIFT = { report: 'says it', repair: 'sets it back', ignore: '' } as const;
const DRIFT_FIELDS = ['active', 'userName', 'displayName', 'attributes'] as const;

type Policy = keyof typeof POLICIES;
type AdoptMode = keyof typeof ADOPT;
type DriftMode = keyof typeof DRIFT;

/** What to do with a change that was made in Omni by hand. */
interface DriftConfig {
  /** Where `fields` does not name it. */
  readonly otherwise: DriftMode;
  /** By `active`, `userName`, `displayName`, `attributes` (all of them), or one attribute's reference. */
  readonly fields: Readonly<Record<string, DriftMode>>;
}

export interface SyncConfig {
  /** `[a-z0-9-]+`, unique in the file. */
  readonly name: string;
  /** Cron, five or six fields, in `timezone`; so are the other two. */
  readonly schedule: string;
  readonly fullSchedule?: string;
  readonly verifySchedule?: string;
  readonly timezone: string;
  readonly directory: DirectoryConfig;
  readonly users: UsersConfig;
  readonly omni: OmniConfig;
  readonly policy: Policy;
  readonly adopt: AdoptMode;
  readonly drift: DriftConfig;
  /** Acted on under the policy `full` alone; `protect` always holds. */
  readonly leavers: LeaversConfig;
}

/** One entry of `syncs`. */
export function syncSchema(files: Files, check: ExpressionCheck) {
  const fields = section('one directory paired with one Omni instance', {
    name: text('what it is called everywhere', 'a text such as acme').regex(
      /^[a-z0-9-]{1,40}$/,
      'must be one to 40 small letters, digits and hyphens',
    ),
    schedule: cron('when the directory is read').prefault('*/15 * * * *'),
    fullSchedule: cron('when all of it is read; schedule then asks who changed alone').exactOptional(),
    verifySchedule: cron('when Omni is compared with what we last confirmed').exactOptional(),
    timezone: timezone('what the schedules are read in').prefault('UTC'),
    directory: directorySchema(files),
    users: usersSchema(),
    omni: omniSchema(files),
    policy: choice('how far it may go; there is no default', POLICIES),
    adopt: choice(
      'what happens with accounts that are in Omni already under the same userName',
      ADOPT,
    ).prefault('always'),
    drift: driftSchema().prefault('report'),
    leavers: leaversSchema(files).prefault({}),
  });
  return fields
    .superRefine(knownDriftFields, IN_SECTION)
    .superRefine(compilable(check), IN_SECTION)
    .transform((sync): SyncConfig => {
      if (sync.fullSchedule !== undefined && !tellsChanges(sync.directory)) warnOfIdleSchedule(files, sync);
      return sync;
    });
}

/** Whether this directory can be asked who changed. */
function tellsChanges(directory: DirectoryConfig): boolean {
  return directory.type === 'ldap' && directory.changes !== 'none';
}

function warnOfIdleSchedule(files: Files, { name }: Pick<SyncConfig, 'name'>): void {
  files.warn(
    `sync ${name}: fullSchedule is without effect: this directory tells no changes, and is read whole on schedule`,
  );
}

function driftSchema() {
  const what = 'what happens to changes that were made in Omni by hand';
  const mode = choice(what, DRIFT);
  return z
    .union([mode, z.record(z.string(), mode)], {
      error: mismatch(what, `one of ${Object.keys(DRIFT).join(', ')}, or a section with one for each field`),
    })
    .transform(
      (drift): DriftConfig =>
        typeof drift === 'string' ? { otherwise: drift, fields: {} } : { otherwise: 'report', fields: drift },
    )
    .describe(what);
}

interface Drifting {
  readonly drift?: unknown;
  readonly users?: { readonly attributes?: unknown };
}

/** A misspelt field would be reported where it was to be repaired, in silence. */
function knownDriftFields({ drift, users }: Drifting, context: z.RefinementCtx): void {
  const known = [...DRIFT_FIELDS, ...keysOf(users?.attributes)];
  const fields =
    typeof drift === 'object' && drift !== null && 'otherwise' in drift && 'fields' in drift
      ? drift.fields
      : {};
  for (const field of keysOf(fields)) {
    if (known.includes(field)) continue;
    context.addIssue({ code: 'custom', path: ['drift', field], message: unknownKey(field, known) });
  }
}

function keysOf(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value) : [];
}
