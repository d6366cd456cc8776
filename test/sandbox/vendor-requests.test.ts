/** Holds our request schemas to the vendor's: what we accept it accepts, what is plainly wrong both refuse. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ours from '../../sandbox/schemas.ts';
import { ATTRIBUTES, NOBODY, PATCH_OP, patch } from './client.ts';
import { present, title, wrongBy } from './vendor.ts';

const PAIRS = {
  ScimUserCreateRequest: ours.createUser,
  ScimUserPutRequest: ours.putUser,
  ScimUserPatchRequest: ours.patchUser,
  ScimGroupsCreateBody: ours.createGroup,
  ScimGroupsReplaceBody: ours.putGroup,
  ScimGroupsPatchBody: ours.patchGroup,
  UsersAssignModelRoleBody: ours.assignRole,
  UserGroupsAssignModelRoleBody: ours.assignRole,
} as const;

type Name = keyof typeof PAIRS;

const vendorTakes = (name: Name, body: unknown) =>
  wrongBy(['components', 'schemas', name], body) === undefined;
const weTake = (name: Name, body: unknown) => PAIRS[name].safeParse(body).success;

const text = fc.oneof(fc.string(), fc.constantFrom('', 'x', 'Ada'));
const id = fc.oneof({ weight: 4, arbitrary: fc.uuid() }, { weight: 1, arbitrary: text });
const junk = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant(undefined));
const addresses = fc.oneof(
  { weight: 3, arbitrary: fc.emailAddress() },
  fc.tuple(fc.string(), fc.string(), fc.domain()).map(([a, b, domain]) => `${a}.${b}@${domain}`),
  fc.constantFrom(
    "o'brien+x@example.com",
    'a@b',
    '.a@b.co',
    'a..b@c.de',
    'a@b-.co',
    'a@-b.co',
    'ä@b.co',
    'A@B.CO',
  ),
);
/** Now and then anything else. */
const mostly = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 12, arbitrary }, { weight: 1, arbitrary: junk as fc.Arbitrary<unknown> });
const values = fc.oneof(
  text,
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.array(text),
  fc.array(fc.integer()),
  junk,
);
const map = mostly(fc.dictionary(fc.string(), values, { maxKeys: 2 }));
const body = (fields: Record<string, fc.Arbitrary<unknown>>) => {
  const record = Object.fromEntries(Object.entries(fields).map(([name, each]) => [name, mostly(each)]));
  return fc.record(record, { requiredKeys: [] });
};
/** Operations of a path (or of none) and a value that often suits it. */
const operations = (
  ops: readonly string[],
  byPath: readonly (readonly [unknown, fc.Arbitrary<unknown>])[],
) => {
  const pairs = fc.oneof(
    ...byPath.map(([path, value]) => fc.record({ path: fc.constant(path), value: mostly(value) })),
  );
  const operation = fc.tuple(mostly(fc.constantFrom(...ops)), pairs).map(([op, pair]) => ({ op, ...pair }));
  return body({
    schemas: fc.constant([PATCH_OP]),
    Operations: fc.array(operation, { minLength: 1, maxLength: 2 }),
  });
};
const users = { displayName: text, userName: addresses, active: fc.boolean(), [ATTRIBUTES]: map };
const members = fc.array(body({ value: id, display: text }), { maxLength: 3 });
const group = { displayName: text, members, id: text };
const role = { roleName: text, modelId: id, connectionId: id };

const GENERATED: Readonly<Record<Name, fc.Arbitrary<unknown>>> = {
  ScimUserCreateRequest: body(users),
  ScimUserPutRequest: body({ ...users, [ours.ENTERPRISE]: map }),
  ScimUserPatchRequest: operations(
    ['replace', 'Replace', 'add', 'Add'],
    [
      [undefined, body(users)],
      ['active', fc.boolean()],
      ['displayName', text],
      ['userName', addresses],
    ],
  ),
  ScimGroupsCreateBody: body(group),
  ScimGroupsReplaceBody: body(group),
  ScimGroupsPatchBody: operations(
    ['replace', 'Replace', 'add', 'Add', 'remove', 'Remove'],
    [
      [undefined, body(group)],
      ['members', members],
      ['displayName', text],
      [`members[value eq "${NOBODY}"]`, junk],
      ['members[value eq "x"]', junk],
    ],
  ),
  UsersAssignModelRoleBody: body(role),
  UserGroupsAssignModelRoleBody: body(role),
};

const notPatches = [
  {},
  { Operations: [] },
  { schemas: [PATCH_OP] },
  { schemas: [PATCH_OP], Operations: {} },
  { schemas: PATCH_OP, Operations: [{ op: 'replace', value: { displayName: 'x' } }] },
  { schemas: ['urn:other'], Operations: [{ op: 'replace', value: { displayName: 'x' } }] },
  patch({ op: 'move', value: { displayName: 'x' } }),
  patch({ op: 'replace' }),
  patch('x'),
];
const notRoles = [{}, { roleName: '' }, { roleName: 1, modelId: NOBODY }, { roleName: 'X', modelId: 'x' }];

const WRONG: Readonly<Record<Name, readonly unknown[]>> = {
  ScimUserCreateRequest: [
    {},
    { displayName: 'x' },
    { userName: 'a@b.co' },
    { displayName: 'x', userName: 'a' },
    { displayName: 'x', userName: 'a@b' },
    { displayName: 'x', userName: 'a b@c.de' },
    { displayName: null, userName: 'a@b.co' },
    { displayName: 'x', userName: ['a@b.co'] },
    { displayName: 'x', userName: 'a@b.co', [ATTRIBUTES]: 'x' },
    { displayName: 'x', userName: 'a@b.co', [ATTRIBUTES]: { a: ['x', 1] } },
    { displayName: 'x', userName: 'a@b.co', [ATTRIBUTES]: { a: [true] } },
  ],
  ScimUserPutRequest: [
    {},
    { userName: 'a' },
    { userName: 'a@b.co', active: 'true' },
    { userName: 'a@b.co', displayName: 1 },
  ],
  ScimUserPatchRequest: [
    ...notPatches,
    patch(),
    patch({ op: 'replace', value: { active: 'false' } }),
    patch({ op: 'replace', value: { userName: 'a' } }),
    patch({ op: 'replace', value: { displayName: null } }),
  ],
  ScimGroupsCreateBody: [
    {},
    { displayName: 1 },
    { displayName: 'x', members: {} },
    { displayName: 'x', members: [{ value: 'x' }] },
  ],
  ScimGroupsReplaceBody: [
    { displayName: 'x' },
    { members: [] },
    { displayName: 'x', members: [{ value: NOBODY }] },
    { displayName: 'x', members: [{ value: 'x', display: 'x' }] },
  ],
  ScimGroupsPatchBody: [
    ...notPatches,
    patch({ op: 'remove', path: 'members' }),
    patch({ op: 'remove', path: 'members[value eq "x"]' }),
    patch({ op: 'add', path: 'members', value: [{ value: 'x' }] }),
    patch({ op: 'add', path: 'displayName', value: 'x' }),
    patch({ op: 'replace', path: 'members', value: 1 }),
    patch({ op: 'replace', value: { id: 'x' } }),
  ],
  UsersAssignModelRoleBody: notRoles,
  UserGroupsAssignModelRoleBody: notRoles,
};

describe.skipIf(!present).each(Object.keys(PAIRS) as Name[])(`${title}: %s`, (name) => {
  it('accepts all that our schema accepts', () => {
    let accepted = 0;
    fc.assert(
      fc.property(GENERATED[name], (generated) => {
        // What a request carries is JSON.
        const sent: unknown = JSON.parse(JSON.stringify(generated));
        if (!weTake(name, sent)) return;
        accepted += 1;
        expect(vendorTakes(name, sent)).toBe(true);
      }),
      { numRuns: 1000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  it.each(WRONG[name])('refuses, as we do, %j', (sent) => {
    expect([vendorTakes(name, sent), weTake(name, sent)]).toEqual([false, false]);
  });
});

describe.skipIf(!present)(`${title}: list parameters`, () => {
  it.each(['1', '-1', '100', '2.5', '.5', '', 'x', '1e3', '1.', ' 1'])('takes %j where we do', (sent) => {
    const place = ['paths', '/api/scim/v2/Users', 'get', 'parameters', '0', 'schema'];
    const takes = wrongBy(place, sent) === undefined;
    expect(ours.listQuery.safeParse({ count: sent }).success).toBe(takes);
  });
});
