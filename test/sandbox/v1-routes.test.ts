/** Attribute definitions and model roles. */
import { describe, expect, it } from 'vitest';
import { NOBODY, opened } from './client.ts';

const MODEL = {
  id: '11111111-1111-4111-8111-111111111111',
  connectionId: '22222222-2222-4222-8222-222222222222',
};

async function withAda() {
  const { sandbox, ask } = await opened({ models: [MODEL], customRoles: ['Reader'] });
  const [id = ''] = sandbox.seed([{ userName: 'ada@example.com', displayName: 'Ada' }]);
  return { sandbox, ask, id, roles: `/api/v1/users/${id}/model-roles` };
}

describe('GET user-attributes', () => {
  it('shows every definition, system ones without an id', async () => {
    const { ask } = await opened({
      attributes: [
        { name: 'omni_user_id', system: true },
        { name: 'sales_level', type: 'Number', multiple: true },
      ],
    });
    const { status, body } = await ask('GET', '/api/v1/user-attributes');
    expect(status).toBe(200);
    const rest = { default_value: null, description: null };
    expect(body.records).toEqual([
      {
        id: '',
        name: 'omni_user_id',
        label: 'omni user id',
        type: 'String',
        system: true,
        multiple_values: false,
        ...rest,
      },
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        name: 'sales_level',
        label: 'sales level',
        type: 'Number',
        system: false,
        multiple_values: true,
        ...rest,
      },
    ]);
  });
});

describe('model-roles', () => {
  it('gives a user a role, and the highest wins', async () => {
    const { ask, id, roles } = await withAda();
    await ask('POST', roles, { roleName: 'NO_ACCESS', modelId: MODEL.id });
    const { status, body } = await ask('POST', roles, { roleName: 'QUERIER', modelId: MODEL.id });
    expect(status).toBe(200);
    expect(body).toEqual({
      membershipId: id,
      roleName: 'QUERIER',
      modelId: MODEL.id,
      connectionId: MODEL.connectionId,
    });
    const { results } = (await ask('GET', roles)).body;
    expect(
      results.map((role: { roleName: string; resolved: boolean }) => [role.roleName, role.resolved]),
    ).toEqual([
      ['NO_ACCESS', false],
      ['QUERIER', true],
    ]);
  });

  it('hands a group’s roles to its members', async () => {
    const { ask, id, roles } = await withAda();
    const sent = { displayName: 'Staff', members: [{ value: id }] };
    const group = (await ask('POST', '/api/scim/v2/groups', sent)).body.id;
    const groupRoles = `/api/v1/user-groups/${group}/model-roles`;
    const given = await ask('POST', groupRoles, { roleName: 'Reader', modelId: MODEL.id });
    expect([given.status, given.body.userGroupId]).toEqual([200, group]);
    const from = { type: 'GROUP', depth: 0, miniUuid: group, name: 'Staff' };
    expect((await ask('GET', groupRoles)).body.results).toMatchObject([{ baseRole: 'VIEWER', from }]);
    expect((await ask('GET', roles)).body.results).toMatchObject([
      { roleName: 'Reader', from, resolved: true },
    ]);
    expect((await ask('GET', `${roles}?modelId=${NOBODY}`)).body.results).toEqual([]);
  });

  it('takes a connection alone for its admin', async () => {
    const { ask, roles } = await withAda();
    const sent = { roleName: 'CONNECTION_ADMIN', connectionId: MODEL.connectionId };
    expect((await ask('POST', roles, sent)).body).toMatchObject({ ...sent, modelId: MODEL.id });
  });

  it.each([
    [{ modelId: MODEL.id }, 400, /^roleName: /],
    [{ roleName: 'VIEWER' }, 400, /^connectionId: Required/],
    [{ roleName: 'VIEWER', connectionId: MODEL.connectionId }, 400, /^modelId: Required/],
    [{ roleName: 'VIEWER', modelId: 'x' }, 400, /^modelId: /],
    [{ roleName: 'VIEWER', modelId: NOBODY }, 404, /^Model does not exist$/],
    [{ roleName: 'CONNECTION_ADMIN', connectionId: NOBODY }, 404, /^Connection does not exist$/],
    [{ roleName: 'constructor', modelId: MODEL.id }, 422, /^Invalid role$/],
  ])('answers %j as documented', async (sent, status, message) => {
    const { ask, roles } = await withAda();
    const answer = await ask('POST', roles, sent);
    expect([answer.status, answer.body.message]).toEqual([status, expect.stringMatching(message)]);
  });

  it('answers 404 for nobody', async () => {
    const { ask } = await opened();
    const user = await ask('GET', `/api/v1/users/${NOBODY}/model-roles`);
    expect([user.status, user.body.message]).toEqual([404, 'User not found in organization']);
    expect((await ask('GET', '/api/v1/user-groups/abcdefgh/model-roles')).status).toBe(404);
  });
});
