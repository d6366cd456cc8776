/** What can be set on the sandbox, each unknown of Omni's behaviour included; knows nothing of how it is obeyed. */
import { z } from 'zod';

/** A user attribute as Omni's admins define it; `name` is the Reference column. */
export interface AttributeDefinition {
  readonly name: string;
  /** Default `String`. */
  readonly type?: 'String' | 'Number' | undefined;
  /** Whether a person may have several values. Default false. */
  readonly multiple?: boolean | undefined;
  /** Built in and never written. Default false. */
  readonly system?: boolean | undefined;
}

/** A model that roles can be given on, and the connection it belongs to; both ids are UUIDs. */
interface Model {
  readonly id: string;
  readonly connectionId: string;
}

/** Everything that may be changed while the sandbox runs. */
export interface Settings {
  /** How many requests each key may make in any window of `windowMs`. Default 60. */
  readonly requestsPerMinute: number;
  /** Length of that window in milliseconds. Default 60,000; shorter ones scale time, say 60 requests in 5 s. */
  readonly windowMs: number;
  /** Whether a request answered 429 takes a place in the window too. Default false. */
  readonly countRefused: boolean;
  /** What a 429 says of how long to wait: nothing (as seen live), whole seconds, or an HTTP date. Default `none`. */
  readonly retryAfter: 'none' | 'seconds' | 'date';
  /** The status for a key that is not known or was revoked. Default 401. */
  readonly unknownKeyStatus: 401 | 403;
  /** `message`: `{error, message}`; `detail`: `{detail, status}`; `plain`: `{error}`. Default `message`. */
  readonly errorShape: 'message' | 'detail' | 'plain';
  /** POST of a deactivated or deleted address: 201 with a brand-new id, or 409. Default `create`. */
  readonly revokedPost: 'create' | 'conflict';
  /** `active: true` on a deactivated account: it works, 404, 409, or 200 with a new id. Default `works`. */
  readonly reactivate: 'works' | 'missing' | 'conflict' | 'newId';
  /** PUT of a user: what is left out is reset (today's documentation), kept (older), or 405. Default `reset`. */
  readonly put: 'reset' | 'keep' | 'refuse';
  /** `seed`: true is stored as "yes", false as "no"; `strings`: numbers as text too; `none`. Default `seed`. */
  readonly coercion: 'seed' | 'strings' | 'none';
  /** An attribute that is not defined: dropped in silence, or 400 that names it. Default `drop`. */
  readonly unknownAttributes: 'drop' | 'refuse';
  /** A changed `userName`: taken, ignored (the old one in the answer), or 400. Default `allow`. */
  readonly rename: 'allow' | 'ignore' | 'refuse';
  /** Whether lists show deactivated accounts. Default true. */
  readonly listInactive: boolean;
  /** The longest page of a list whatever `count` says; null for none. Default null. */
  readonly maxPageSize: number | null;
  /** Whether addresses are stored in lower case. Default false. */
  readonly lowerCaseAddresses: boolean;
  /** The user attributes that exist, system ones included. */
  readonly attributes: readonly AttributeDefinition[];
  /** The models that exist. Default: one, of one connection. */
  readonly models: readonly Model[];
  /** Names of roles beside Omni's own. Default none. */
  readonly customRoles: readonly string[];
}

export const DEFAULTS: Settings = {
  requestsPerMinute: 60,
  windowMs: 60_000,
  countRefused: false,
  retryAfter: 'none',
  unknownKeyStatus: 401,
  errorShape: 'message',
  revokedPost: 'create',
  reactivate: 'works',
  put: 'reset',
  coercion: 'seed',
  unknownAttributes: 'drop',
  rename: 'allow',
  listInactive: true,
  maxPageSize: null,
  lowerCaseAddresses: false,
  attributes: [
    { name: 'omni_user_id', system: true },
    { name: 'omni_user_email', system: true },
    { name: 'good_blob' },
    { name: 'region' },
    { name: 'department' },
    { name: 'teams', multiple: true },
    { name: 'level', type: 'Number' },
  ],
  models: [
    { id: '6e1d2c9a-0b47-4f63-9c1e-5a8d7f20b311', connectionId: '1f0c8b52-7d3e-4a96-8e24-c9b6a7d15f02' },
  ],
  customRoles: [],
};

const atLeastOne = 'takes a whole number from 1';
const count = z.int(atLeastOne).positive(atLeastOne);
const flag = z.boolean('takes true or false');
const name = z.string('takes a text').min(1, 'takes a text that is not empty');
const choice = <const W extends string>(...words: W[]) => z.enum(words, `takes one of ${words.join(', ')}`);
const listOf = <T extends z.ZodType>(item: T, form: string) => z.array(item, `takes a list of ${form}`);

const attribute = '{"name": …, "type": "String" or "Number", "multiple": …, "system": …}';
const definition = z.strictObject(
  {
    name,
    type: choice('String', 'Number').optional(),
    multiple: flag.optional(),
    system: flag.optional(),
  },
  `takes ${attribute}`,
);
const model = '{"id": …, "connectionId": …}, both UUIDs';

/** Checks some of the settings, as given at the start or over the control API. */
export const settingsSchema = z
  .strictObject({
    requestsPerMinute: count,
    windowMs: count,
    countRefused: flag,
    retryAfter: choice('none', 'seconds', 'date'),
    unknownKeyStatus: z.literal([401, 403], 'takes 401 or 403'),
    errorShape: choice('message', 'detail', 'plain'),
    revokedPost: choice('create', 'conflict'),
    reactivate: choice('works', 'missing', 'conflict', 'newId'),
    put: choice('reset', 'keep', 'refuse'),
    coercion: choice('seed', 'strings', 'none'),
    unknownAttributes: choice('drop', 'refuse'),
    rename: choice('allow', 'ignore', 'refuse'),
    listInactive: flag,
    maxPageSize: z.int(`${atLeastOne}, or null`).positive(`${atLeastOne}, or null`).nullable(),
    lowerCaseAddresses: flag,
    attributes: listOf(definition, attribute),
    models: listOf(
      z.strictObject({ id: z.guid('takes a UUID'), connectionId: z.guid('takes a UUID') }, `takes ${model}`),
      model,
    ),
    customRoles: listOf(name, 'texts'),
  } satisfies { [Name in keyof Settings]: z.ZodType<Settings[Name]> })
  .partial();

/** Some of the settings, as somebody gave them. */
export type SomeSettings = z.infer<typeof settingsSchema>;

/** `settings` with those that `given` names changed; what is undefined stays. */
export function changed(settings: Settings, given: SomeSettings): Settings {
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...settings, ...Object.fromEntries(named) };
}
