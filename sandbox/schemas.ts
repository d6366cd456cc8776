/** The requests that the sandbox accepts, in schemas of our own; a test holds them to the vendor's document. */
import { z } from 'zod';

export const ATTRIBUTES = 'urn:omni:params:1.0:UserAttribute';
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** A dot-atom at a host name (RFC 5321, section 4.1.2, without quoted strings and literals); ASCII alone. */
const ADDRESS =
  /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i;

export const address = z.string().regex(ADDRESS, 'Invalid email address');

const value = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
  z.array(z.string()),
  z.array(z.number()),
]);

export type SentValue = z.infer<typeof value>;

export const attributeMap = z.record(z.string(), value);

export type SentAttributes = z.infer<typeof attributeMap>;

export const createUser = z.looseObject({
  displayName: z.string(),
  userName: address,
  [ATTRIBUTES]: attributeMap.optional(),
});

export const putUser = z.looseObject({
  active: z.boolean().optional(),
  displayName: z.string().optional(),
  userName: address,
  [ATTRIBUTES]: attributeMap.optional(),
  [ENTERPRISE]: attributeMap.optional(),
});

const change = z.looseObject({
  active: z.boolean().optional(),
  displayName: z.string().optional(),
  userName: address.optional(),
  [ATTRIBUTES]: attributeMap.optional(),
});

export type UserChange = z.infer<typeof change>;

const replaceOrAdd = z.enum(['replace', 'Replace', 'add', 'Add']);
const schemas = z.tuple([z.literal(PATCH_OP)]);

const pathLess = z.looseObject({ op: replaceOrAdd, path: z.undefined().optional(), value: change });

/** An operation on one path; parsed into the form of the path-less ones. */
function onPath<Path extends string, Value>(path: Path, value: z.ZodType<Value>) {
  return z.looseObject({ op: replaceOrAdd, path: z.literal(path), value });
}

/** The forms that are documented or that Omni's own client sends; dotted attribute paths are not among them. */
export const patchUser = z.looseObject({
  schemas,
  Operations: z
    .array(
      z.union([
        pathLess.transform(({ value }): UserChange => value),
        onPath('active', z.boolean()).transform(({ value }): UserChange => ({ active: value })),
        onPath('displayName', z.string()).transform(({ value }): UserChange => ({ displayName: value })),
        onPath('userName', address).transform(({ value }): UserChange => ({ userName: value })),
      ]),
    )
    .min(1),
});

const groupName = z.string().max(64);
const member = z.looseObject({ value: z.guid(), display: z.string().optional() });
const replace = z.enum(['replace', 'Replace']);

export const createGroup = z.looseObject({
  displayName: groupName,
  members: z.array(z.looseObject({ value: z.guid() })).default([]),
});

export const putGroup = z.looseObject({
  displayName: groupName,
  members: z.array(z.looseObject({ value: z.guid(), display: z.string() })),
});

export const patchGroup = z.looseObject({
  schemas,
  Operations: z
    .array(
      z.union([
        z.looseObject({
          op: replace,
          path: z.undefined().optional(),
          value: z.looseObject({ displayName: groupName, id: z.string().optional() }),
        }),
        z.looseObject({
          op: z.enum(['remove', 'Remove']),
          path: z
            .string()
            .regex(/^members\[value eq "[^"]{36}"\]$/, 'Expected members[value eq "<user id>"]'),
        }),
        z.looseObject({ op: z.enum(['add', 'Add']), path: z.literal('members'), value: z.array(member) }),
        z.looseObject({ op: replace, path: z.literal('members'), value: z.array(member) }),
        z.looseObject({ op: replace, path: z.literal('displayName'), value: groupName }),
      ]),
    )
    .min(1),
});

export type GroupOperation = z.infer<typeof patchGroup>['Operations'][number];

export const assignRole = z
  .looseObject({
    roleName: z.string().min(1),
    modelId: z.guid().optional(),
    connectionId: z.guid().optional(),
  })
  .refine((body) => body.modelId !== undefined || body.connectionId !== undefined, {
    path: ['connectionId'],
    message: 'Required unless modelId is given',
  });

const whole = z
  .string()
  .regex(/^-?\d*\.?\d+$/, 'Expected a number')
  .transform((text) => Math.floor(Number(text)));

export const listQuery = z.object({
  count: whole.default(100),
  startIndex: whole.default(1),
  filter: z.string().optional(),
});

export const groupQuery = z.object({ excludedAttributes: z.literal('members').optional() });

export const roleQuery = z.object({ connectionId: z.guid().optional(), modelId: z.guid().optional() });
