/** Users as Omni's documentation has them, over the wire; the unknowns are in unknowns.test.ts. */
import { describe, expect, it } from 'vitest';
import { ATTRIBUTES, aUser, NOBODY, opened, patch, USERS } from './client.ts';

describe('POST users', () => {
  it('answers the example of the documentation', async () => {
    const { ask } = await opened();
    const { status, body } = await ask('POST', USERS, {
      displayName: 'Blob Ross',
      userName: 'blob.ross@blobsrus.com',
      [ATTRIBUTES]: { good_blob: true },
    });
    expect(status).toBe(201);
    const moment = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(body).toEqual({
      active: true,
      displayName: 'Blob Ross',
      emails: [{ primary: true, value: 'blob.ross@blobsrus.com' }],
      groups: [],
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      meta: { created: moment, lastModified: moment, resourceType: 'User' },
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: 'blob.ross@blobsrus.com',
      [ATTRIBUTES]: { good_blob: 'yes' },
    });
  });

  it('refuses an address that is there in another case', async () => {
    const { sandbox, ask } = await opened();
    await ask('POST', USERS, aUser('ada@example.com'));
    const { status, body } = await ask('POST', '/api/scim/v2/Users', aUser('ADA@example.com'));
    expect([status, body.message]).toEqual([409, 'User with this email already exists']);
    expect(sandbox.state().users).toHaveLength(1);
  });

  it('drops unknown attributes in silence and never writes system ones', async () => {
    const { ask } = await opened();
    const sent = {
      region: 'emea',
      nonsense: 'x',
      omni_user_id: 'x',
      teams: ['a', 'b'],
      level: 3,
      ['__proto__']: 'x',
    };
    const { status, body } = await ask('POST', USERS, aUser('ada@example.com', sent));
    expect(status).toBe(201);
    expect(body[ATTRIBUTES]).toEqual({ region: 'emea', teams: ['a', 'b'], level: 3 });
  });

  it.each([
    [{ level: 'high' }, `${ATTRIBUTES}.level`],
    [{ region: ['a', 'b'] }, `${ATTRIBUTES}.region`],
    [{ region: { a: 1 } }, `${ATTRIBUTES}.region`],
    [{ teams: ['a', 1] }, `${ATTRIBUTES}.teams[1]`],
  ])('names the attribute in %j', async (attributes, path) => {
    const { sandbox, ask } = await opened();
    const { status, body } = await ask('POST', USERS, aUser('ada@example.com', attributes));
    expect([status, body.message.split(': ')[0]]).toEqual([400, path]);
    expect(sandbox.state().users).toEqual([]);
  });
});

describe('GET users', () => {
  it('lists in order of creation, by pages, without attributes', async () => {
    const { sandbox, ask } = await opened();
    const day = (n: number) => `2024-01-0${n}T00:00:00Z`;
    sandbox.seed(
      [3, 1, 2, 5, 4].map((n) => ({ ...named(n), createdAt: day(n), attributes: { region: 'x' } })),
    );
    const page = async (query: string) => (await ask('GET', `${USERS}${query}`)).body;
    const first = await page('?count=2');
    expect(first).toMatchObject({ totalResults: 5, startIndex: 1, itemsPerPage: 2 });
    expect(first.schemas).toEqual(['urn:ietf:params:scim:api:messages:2.0:ListResponse']);
    expect(names(first)).toEqual(['u1@example.com', 'u2@example.com']);
    expect(Object.keys(first.Resources[0])).not.toContain(ATTRIBUTES);
    expect(names(await page('?count=2&startIndex=3'))).toEqual(['u3@example.com', 'u4@example.com']);
    expect(names(await page('?count=2&startIndex=5'))).toEqual(['u5@example.com']);
    expect(await page('?startIndex=6')).toMatchObject({ Resources: [], itemsPerPage: 0, totalResults: 5 });
    expect((await page('?count=-1')).Resources).toEqual([]);
    expect(names(await page('?count=1&startIndex=-4'))).toEqual(['u1@example.com']);
  });

  it('shows 100 unless asked', async () => {
    const { sandbox, ask } = await opened();
    sandbox.seed(Array.from({ length: 101 }, (_, n) => named(n)));
    expect((await ask('GET', USERS)).body).toMatchObject({ itemsPerPage: 100, totalResults: 101 });
  });

  it('names a query parameter that is no number', async () => {
    const { ask } = await opened();
    const { status, body } = await ask('GET', `${USERS}?startIndex=one`);
    expect([status, body.message]).toEqual([400, 'startIndex: Expected a number']);
  });

  it('shows one with the attributes', async () => {
    const { sandbox, ask } = await opened();
    const [id] = sandbox.seed([{ ...named(1), attributes: { region: 'emea' } }]);
    const { status, body } = await ask('GET', `/api/scim/v2/Users/${id}`);
    expect([status, body.id, body[ATTRIBUTES]]).toEqual([200, id, { region: 'emea' }]);
  });
});

describe('PATCH users', () => {
  it('merges attributes, clears on null and leaves the rest', async () => {
    const { sandbox, ask } = await opened();
    const attributes = { region: 'emea', department: 'it', level: 3 };
    const [id] = sandbox.seed([{ ...named(1), attributes }]);
    const { status, body } = await ask(
      'PATCH',
      `${USERS}/${id}`,
      patch({ op: 'replace', value: { [ATTRIBUTES]: { region: 'us', department: null, nonsense: 1 } } }),
    );
    expect([status, body[ATTRIBUTES]]).toEqual([200, { region: 'us', level: 3 }]);
    expect([body.displayName, body.userName, body.active]).toEqual(['User 1', 'u1@example.com', true]);
    expect(sandbox.state().users[0]?.attributes).toEqual({ region: 'us', level: 3 });
  });

  it('changes name and address in one path-less operation', async () => {
    const { sandbox, ask } = await opened();
    const [id] = sandbox.seed([named(1)]);
    const value = { displayName: 'New', userName: 'new@example.com' };
    const { body } = await ask('PATCH', `${USERS}/${id}`, patch({ op: 'Replace', value }));
    expect(body).toMatchObject({ id, ...value, emails: [{ primary: true, value: 'new@example.com' }] });
    expect((await ask('POST', USERS, aUser('u1@example.com'))).status).toBe(201);
  });

  it('takes paths, and several operations as one', async () => {
    const { sandbox, ask } = await opened();
    const [id] = sandbox.seed([named(1), named(2)]);
    const active = { op: 'replace', path: 'active', value: false };
    const taken = { op: 'add', path: 'userName', value: 'U2@example.com' };
    expect((await ask('PATCH', `${USERS}/${id}`, patch(active, taken))).status).toBe(409);
    expect(sandbox.state().users[0]?.active).toBe(true);
    const name = { op: 'add', path: 'displayName', value: 'New' };
    const { body } = await ask('PATCH', `${USERS}/${id}`, patch(active, name));
    expect([body.active, body.displayName]).toEqual([false, 'New']);
  });

  it.each([
    [{ schemas: [], Operations: [{ op: 'replace', value: {} }] }, 'schemas'],
    [patch(), 'Operations'],
    [patch({ op: 'replace', path: 'active' }), 'Operations[0].value'],
    [patch({ op: 'replace', path: 'active', value: 'False' }), 'Operations[0].value'],
    [patch({ op: 'replace', path: `${ATTRIBUTES}.region`, value: 'x' }), 'Operations[0].path'],
    [patch({ op: 'replace', value: { userName: 'nobody' } }), 'Operations[0].value.userName'],
    [patch({ op: 'move', value: {} }), 'Operations[0].op'],
    [patch({ op: 'remove', path: 'displayName', value: null }), 'Operations[0].op'],
  ])('names the path of what is wrong in %j', async (body, path) => {
    const { sandbox, ask } = await opened();
    const [id] = sandbox.seed([named(1)]);
    const answer = await ask('PATCH', `${USERS}/${id}`, body);
    expect([answer.status, answer.body.message.split(': ')[0]]).toEqual([400, path]);
  });
});

describe('DELETE users', () => {
  it('answers 204, then 404 to everything', async () => {
    const { sandbox, ask } = await opened();
    const [id] = sandbox.seed([named(1)]);
    const answer = await ask('DELETE', `${USERS}/${id}`);
    expect([answer.status, answer.text]).toEqual([204, '']);
    const change = patch({ op: 'replace', path: 'active', value: false });
    const after = [ask('DELETE', `${USERS}/${id}`), ask('GET', `${USERS}/${id}`)];
    after.push(ask('PATCH', `${USERS}/${id}`, change), ask('PUT', `${USERS}/${id}`, aUser('u1@example.com')));
    expect((await Promise.all(after)).map((each) => each.status)).toEqual([404, 404, 404, 404]);
    expect((await ask('GET', USERS)).body.totalResults).toBe(0);
    expect(sandbox.state().deleted.map((user) => user.id)).toEqual([id]);
  });

  it('answers 404 to an id that never was', async () => {
    const { ask } = await opened();
    expect((await ask('DELETE', `${USERS}/${NOBODY}`)).status).toBe(404);
  });
});

describe('embed users', () => {
  it('are none, and apart from users', async () => {
    const { sandbox, ask } = await opened();
    const embed = '/api/scim/v2/embed/users';
    expect((await ask('GET', embed)).body).toMatchObject({ totalResults: 0, Resources: [] });
    const [id] = sandbox.seed([{ ...named(1), embed: true }]);
    expect(names((await ask('GET', '/api/scim/v2/embed/Users')).body)).toEqual(['u1@example.com']);
    expect((await ask('GET', `${USERS}/${id}`)).status).toBe(404);
    expect((await ask('GET', `${embed}/${id}`)).body.id).toBe(id);
    expect((await ask('POST', embed, aUser('x@example.com'))).status).toBe(405);
    expect((await ask('DELETE', `${embed}/${id}`)).status).toBe(204);
    expect((await ask('GET', `${embed}/${id}`)).status).toBe(404);
  });
});

function named(n: number) {
  return { userName: `u${n}@example.com`, displayName: `User ${n}` };
}

function names(list: { Resources: readonly { userName: string }[] }): string[] {
  return list.Resources.map((user) => user.userName);
}
