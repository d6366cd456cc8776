/** Groups and every form in which they are changed. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Sandbox } from '../../sandbox/server.ts';
import { type Ask, NOBODY, opened, patch, USERS } from './client.ts';

const GROUPS = '/api/scim/v2/groups';
let sandbox: Sandbox;
let ask: Ask;
let ada = '';
let bob = '';

beforeEach(async () => {
  ({ sandbox, ask } = await opened());
  [ada = '', bob = ''] = sandbox.seed([
    { userName: 'ada@example.com', displayName: 'Ada' },
    { userName: 'bob@example.com', displayName: 'Bob' },
  ]);
});

async function aGroup(displayName: string, ...members: readonly string[]): Promise<string> {
  const sent = { displayName, members: members.map((value) => ({ value })) };
  return (await ask('POST', GROUPS, sent)).body.id;
}

const members = () => sandbox.state().groups[0]?.members;

describe('POST groups', () => {
  it('answers the group, and shows it on its members', async () => {
    const { status, body } = await ask('POST', '/api/scim/v2/Groups', {
      displayName: 'Staff',
      members: [{ value: ada }],
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ displayName: 'Staff', members: [{ value: ada, display: 'Ada' }] });
    expect(body.id).toMatch(/^[A-Za-z0-9_-]{8}$/);
    expect((await ask('GET', `${USERS}/${ada}`)).body.groups).toEqual([{ display: 'Staff', value: body.id }]);
  });

  it('refuses a name that is there', async () => {
    await aGroup('Staff');
    const { status, body } = await ask('POST', GROUPS, { displayName: 'staff' });
    expect([status, body.message]).toEqual([409, 'Group with this name already exists']);
  });

  it.each([
    [{ displayName: 'x'.repeat(65) }, 'displayName'],
    [{ members: [] }, 'displayName'],
    [{ displayName: 'x', members: [{ value: 'ada' }] }, 'members[0].value'],
    [{ displayName: 'x', members: [{ value: NOBODY }] }, 'members[0].value'],
  ])('names the path of what is wrong in %j', async (body, path) => {
    const answer = await ask('POST', GROUPS, body);
    expect([answer.status, answer.body.message.split(': ')[0]]).toEqual([400, path]);
    expect(sandbox.state().groups).toEqual([]);
  });
});

describe('GET groups', () => {
  it('filters by name and leaves members out where asked', async () => {
    const id = await aGroup('Staff', ada);
    await aGroup('Guests');
    const filter = encodeURIComponent('displayName eq "STAFF"');
    const { body } = await ask('GET', `${GROUPS}?filter=${filter}&excludedAttributes=members`);
    expect(body).toMatchObject({ totalResults: 1, itemsPerPage: 1 });
    expect(body.Resources[0].id).toBe(id);
    expect(body.Resources[0]).not.toHaveProperty('members');
    expect((await ask('GET', `${GROUPS}?count=1&startIndex=2`)).body.Resources[0].members).toEqual([]);
    expect((await ask('GET', `${GROUPS}/${id}`)).body.members).toHaveLength(1);
    expect((await ask('GET', `${GROUPS}/${id}?excludedAttributes=members`)).body).not.toHaveProperty(
      'members',
    );
    expect((await ask('GET', `${GROUPS}?excludedAttributes=id`)).status).toBe(400);
  });
});

describe('PATCH groups', () => {
  it('adds, and adds nobody twice', async () => {
    const id = await aGroup('Staff', ada);
    const value = [{ value: bob, display: 'Bob' }, { value: ada }];
    const { status } = await ask('PATCH', `${GROUPS}/${id}`, patch({ op: 'Add', path: 'members', value }));
    expect([status, members()]).toEqual([200, [ada, bob]]);
  });

  it('removes one member an operation, also one who is not there', async () => {
    const id = await aGroup('Staff', ada, bob);
    const remove = (user: string) => ({ op: 'remove', path: `members[value eq "${user}"]` });
    const answer = await ask('PATCH', `${GROUPS}/${id}`, patch(remove(ada), remove(NOBODY)));
    expect([answer.status, members()]).toEqual([200, [bob]]);
  });

  it('replaces members, and empties', async () => {
    const id = await aGroup('Staff', ada);
    const replace = (value: readonly unknown[]) => patch({ op: 'replace', path: 'members', value });
    await ask('PATCH', `${GROUPS}/${id}`, replace([{ value: bob }]));
    expect(members()).toEqual([bob]);
    await ask('PATCH', `${GROUPS}/${id}`, replace([]));
    expect(members()).toEqual([]);
  });

  it('renames with and without a path', async () => {
    const id = await aGroup('Staff', ada);
    const rename = { op: 'replace', path: 'displayName', value: 'One' };
    expect((await ask('PATCH', `${GROUPS}/${id}`, patch(rename))).body.displayName).toBe('One');
    const pathLess = { op: 'Replace', value: { displayName: 'Two', id } };
    expect((await ask('PATCH', `${GROUPS}/${id}`, patch(pathLess))).body.displayName).toBe('Two');
    expect(members()).toEqual([ada]);
  });

  it('takes all operations or none', async () => {
    const id = await aGroup('Staff', ada);
    const add = { op: 'add', path: 'members', value: [{ value: bob }] };
    const wrong = { op: 'add', path: 'members', value: [{ value: NOBODY }] };
    const { status, body } = await ask('PATCH', `${GROUPS}/${id}`, patch(add, wrong));
    expect([status, body.message]).toEqual([400, 'Operations[1].value[0].value: no such user']);
    expect(members()).toEqual([ada]);
  });

  it.each([
    [{ op: 'add', path: 'members', value: [{ value: 'ada' }] }, 'Operations[0].value[0].value'],
    [{ op: 'remove', path: 'members' }, 'Operations[0].path'],
    [{ op: 'replace', path: 'displayName', value: ['x'] }, 'Operations[0].value'],
  ])('names the path of what is wrong in %j', async (operation, path) => {
    const id = await aGroup('Staff');
    const { status, body } = await ask('PATCH', `${GROUPS}/${id}`, patch(operation));
    expect([status, body.message.split(': ')[0]]).toEqual([400, path]);
  });
});

describe('PUT and DELETE groups', () => {
  it('replaces the whole membership, and insists on members', async () => {
    const id = await aGroup('Staff', ada);
    const put = (body: unknown) => ask('PUT', `${GROUPS}/${id}`, body);
    const refused = await put({ displayName: 'Staff' });
    expect([refused.status, refused.body.message.split(':')[0]]).toEqual([400, 'members']);
    const sent = { displayName: 'Crew', members: [{ value: bob, display: 'Bob' }] };
    expect((await put(sent)).body).toMatchObject({ id, ...sent });
  });

  it('deletes, then answers 404', async () => {
    const id = await aGroup('Staff', ada);
    expect((await ask('DELETE', `${GROUPS}/${id}`)).status).toBe(204);
    expect((await ask('DELETE', `${GROUPS}/${id}`)).status).toBe(404);
    expect((await ask('GET', `${USERS}/${ada}`)).body.groups).toEqual([]);
  });

  it('loses a deleted user', async () => {
    await aGroup('Staff', ada, bob);
    await ask('DELETE', `${USERS}/${ada}`);
    expect(members()).toEqual([bob]);
  });
});
