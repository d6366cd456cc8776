/**
 * What is said to Omni and what it answers: paths, request bodies, filters, and schemas of answers. Nothing that Omni
 * answers is believed unless it passes here; what it adds beyond that is ignored.
 */
import { z } from 'zod';
import type { AttributeValue, DesiredUser, OmniUser } from '../model/person.ts';

/** Every path that is called, below the instance's root. Lower case, as the documentation writes them. */
export const PATHS = { users: '/api/scim/v2/users', attributes: '/api/v1/user-attributes' } as const;

/** The key of Omni's user attributes in a user, by reference. */
export const USER_ATTRIBUTES = 'urn:omni:params:1.0:UserAttribute';

const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** The path of one account. */
export function userPath(omniId: string): string {
  return `${PATHS.users}/${encodeURIComponent(omniId)}`;
}

/**
 * The instance's root from the URL as people write it: with or without a trailing `/`, `/api`, `/api/scim/v2`.
 * Without a trailing slash.
 */
export function instanceRoot(baseUrl: string): string {
  return baseUrl
    .trim()
    .replace(/\/+$/, '')
    .replace(/(\/api)?\/scim(\/v2)?(\/users)?$|\/api(\/v1)?$/i, '')
    .replace(/\/+$/, '');
}

/** A `userName eq` filter, quoted as a JSON string (RFC 7644, section 3.4.2.2) and percent-encoded whole, `+` included. */
export function userNameFilter(userName: string): string {
  return encodeURIComponent(`userName eq ${JSON.stringify(userName)}`).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Fields to change; what is not named stays as it is in Omni. A null attribute is cleared. */
export interface UserFields {
  readonly displayName?: string;
  readonly userName?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Activates or deactivates in the same request. */
  readonly active?: boolean;
}

/** The body of a create. Null attributes are left out: a new account has nothing to clear. */
export function createBody(desired: Omit<DesiredUser, 'sourceId'>) {
  const set = Object.entries(desired.attributes).filter(([, value]) => value !== null);
  return {
    userName: desired.userName,
    displayName: desired.displayName,
    ...(set.length === 0 ? {} : { [USER_ATTRIBUTES]: Object.fromEntries(set) }),
  };
}

/**
 * The body of an update: path-less replaces of the named fields alone, the form that Omni's own client sends.
 * @throws TypeError where no field is named.
 */
export function updateBody({ displayName, userName, attributes, active }: UserFields) {
  const core = {
    ...(displayName === undefined ? {} : { displayName }),
    ...(userName === undefined ? {} : { userName }),
  };
  const parts = [
    core,
    attributes && Object.keys(attributes).length > 0 ? { [USER_ATTRIBUTES]: attributes } : {},
  ];
  const values = parts.filter((part) => Object.keys(part).length > 0);
  const operations = values.map((value) => ({ op: 'replace', value }));
  const state = active === undefined ? [] : activeBody(active).Operations;
  if (operations.length + state.length === 0) throw new TypeError('An update must name a field.');
  return { schemas: [PATCH_OP], Operations: [...state, ...operations] };
}

/** The body that activates or deactivates: the one operation that the documentation shows with a path. */
export function activeBody(active: boolean) {
  return { schemas: [PATCH_OP], Operations: [{ op: 'replace', path: 'active', value: active }] };
}

/** A user attribute as Omni defines it. `name` is its reference; `system` ones are read-only. */
export interface AttributeDefinition {
  readonly name: string;
  /** `String` or `Number`. */
  readonly type: string;
  readonly multiple: boolean;
  readonly system: boolean;
}

const userSchema = z
  .object({
    id: z.guid(),
    userName: z.string().min(1),
    displayName: z.string().nullish(),
    active: z.boolean(),
    meta: z.object({ created: z.string().optional() }).optional().catch(undefined),
    [USER_ATTRIBUTES]: z.record(z.string(), z.unknown()).nullish(),
  })
  .transform(({ id, userName, displayName, active, meta, [USER_ATTRIBUTES]: attributes }): OmniUser => {
    const createdAt = Date.parse(meta?.created ?? '');
    const shown = attributes ? { attributes } : {};
    const created = Number.isNaN(createdAt) ? {} : { createdAt };
    return { id, userName, displayName: displayName ?? '', active, ...created, ...shown };
  });

const listSchema = z
  .object({
    totalResults: z.number().int().nonnegative(),
    Resources: z.array(userSchema).optional(),
    resources: z.array(userSchema).optional(),
  })
  .transform(({ totalResults, Resources, resources }) => ({
    totalResults,
    users: Resources ?? resources ?? [],
  }));

const definitionsSchema = z
  .object({
    records: z.array(
      z.object({
        name: z.string(),
        type: z.string(),
        multiple_values: z.boolean().optional(),
        system: z.boolean().optional(),
      }),
    ),
  })
  .transform(({ records }): readonly AttributeDefinition[] =>
    records.map(({ name, type, multiple_values: multiple = false, system = false }) => ({
      name,
      type,
      multiple,
      system,
    })),
  );

/** One page of a list. Which accounts it holds, and how many Omni says that there are in all. */
export type UserPage = z.output<typeof listSchema>;

/** What an answer's body held, or why it is not believed; `why` names fields, never values. */
export type Read<T> = { readonly value: T } | { readonly why: string };

/** Reads a user; where `omniId` is given, that one. */
export function readUser(body: string, omniId?: string): Read<OmniUser> {
  const read = reading(userSchema, body);
  if (omniId === undefined || 'why' in read || read.value.id.toLowerCase() === omniId.toLowerCase())
    return read;
  return { why: 'it is about another account' };
}

/** Reads one page of users. One user that cannot be read spoils the page: nobody is skipped. */
export function readPage(body: string): Read<UserPage> {
  return reading(listSchema, body);
}

/** Reads the definitions of user attributes. */
export function readDefinitions(body: string): Read<readonly AttributeDefinition[]> {
  return reading(definitionsSchema, body);
}

function reading<T>(schema: z.ZodType<T>, body: string): Read<T> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return { why: body.trim() === '' ? 'it is empty' : 'it is no JSON' };
  }
  const { success, data, error } = schema.safeParse(parsed);
  if (success) return { value: data };
  const fields = error.issues.slice(0, 3).map(({ path }) => path.join('.') || 'the whole');
  return { why: `missing or of another type: ${fields.join(', ')}` };
}
