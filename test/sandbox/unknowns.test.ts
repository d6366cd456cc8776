/** Each thing that nobody knows of Omni, in each way that it may turn out to be. */
import { describe, expect, it } from 'vitest';
import type { SandboxOptions } from '../../sandbox/server.ts';
import { type Ask, ATTRIBUTES, aUser, opened, patch, USERS } from './client.ts';

const ADA = 'ada@example.com';
const setActive = (active: boolean) => patch({ op: 'replace', path: 'active', value: active });

async function withAda(options: SandboxOptions) {
  const { sandbox, ask } = await opened(options);
  const [id = ''] = sandbox.seed([{ userName: ADA, displayName: 'Ada', attributes: { region: 'emea' } }]);
  return { sandbox, ask, id, one: `${USERS}/${id}` };
}

const takeAway: readonly (readonly [string, (ask: Ask, one: string) => Promise<unknown>])[] = [
  ['deactivated', (ask, one) => ask('PATCH', one, setActive(false))],
  ['deleted', (ask, one) => ask('DELETE', one)],
];

describe('revokedPost', () => {
  it.each(takeAway)('gives a %s address a brand-new id', async (_, take) => {
    const { sandbox, ask, id, one } = await withAda({});
    await take(ask, one);
    const { status, body } = await ask('POST', USERS, aUser('ADA@example.com'));
    expect([status, body.active, body[ATTRIBUTES]]).toEqual([201, true, {}]);
    expect(body.id).not.toBe(id);
    expect((await ask('GET', one)).status).toBe(404);
    expect(sandbox.state().users.map((user) => user.id)).toEqual([body.id]);
  });

  it.each(takeAway)('answers 409 to a %s address where that is set', async (_, take) => {
    const { sandbox, ask, one } = await withAda({ revokedPost: 'conflict' });
    await take(ask, one);
    expect((await ask('POST', USERS, aUser('ADA@example.com'))).status).toBe(409);
    const [bob] = sandbox.seed([{ userName: 'bob@example.com', displayName: 'Bob' }]);
    const rename = patch({ op: 'replace', value: { userName: ADA } });
    expect((await ask('PATCH', `${USERS}/${bob}`, rename)).status).toBe(409);
  });
});

describe('reactivate', () => {
  it.each([
    ['works', 200, true],
    ['missing', 404, false],
    ['conflict', 409, false],
  ] as const)('%s: answers %i', async (reactivate, status, active) => {
    const { sandbox, ask, id, one } = await withAda({ reactivate });
    expect((await ask('PATCH', one, setActive(false))).body.active).toBe(false);
    expect((await ask('PATCH', one, setActive(true))).status).toBe(status);
    expect(sandbox.state().users).toMatchObject([{ id, active, attributes: { region: 'emea' } }]);
  });

  it('newId: answers somebody without history', async () => {
    const { sandbox, ask, id, one } = await withAda({ reactivate: 'newId' });
    await ask('POST', '/api/scim/v2/groups', { displayName: 'Staff', members: [{ value: id }] });
    await ask('PATCH', one, setActive(false));
    const { status, body } = await ask('PATCH', one, setActive(true));
    expect(status).toBe(200);
    expect(body.id).not.toBe(id);
    expect(body).toMatchObject({ active: true, userName: ADA, groups: [], [ATTRIBUTES]: {} });
    expect(sandbox.state().deleted.map((user) => user.id)).toEqual([id]);
  });

  it('leaves who is active alone', async () => {
    const { ask, id, one } = await withAda({ reactivate: 'newId' });
    expect((await ask('PATCH', one, setActive(true))).body).toMatchObject({ id, active: true });
  });
});

describe('put', () => {
  it('resets what is left out', async () => {
    const { ask, id, one } = await withAda({});
    await ask('PATCH', one, setActive(false));
    const { status, body } = await ask('PUT', one, { userName: ADA });
    expect(status).toBe(200);
    expect(body).toMatchObject({ id, active: true, displayName: ADA, [ATTRIBUTES]: {} });
  });

  it('keeps what is left out where that is set', async () => {
    const { ask, one } = await withAda({ put: 'keep' });
    await ask('PATCH', one, setActive(false));
    const { body } = await ask('PUT', one, { userName: ADA });
    expect(body).toMatchObject({ active: false, displayName: 'Ada', [ATTRIBUTES]: { region: 'emea' } });
  });

  it('is refused where that is set', async () => {
    const { ask, one } = await withAda({ put: 'refuse' });
    expect((await ask('PUT', one, { userName: ADA })).status).toBe(405);
  });
});

describe('coercion', () => {
  it.each([
    ['seed', { region: 'yes', department: 'no', level: 3, teams: ['a'] }],
    ['strings', { region: 'yes', department: 'no', level: '3', teams: ['a'] }],
    ['none', { region: true, department: false, level: 3, teams: ['a'] }],
  ] as const)('%s', async (coercion, stored) => {
    const { ask } = await opened({ coercion });
    const sent = { region: true, department: false, level: 3, teams: ['a'] };
    expect((await ask('POST', USERS, aUser(ADA, sent))).body[ATTRIBUTES]).toEqual(stored);
  });
});

describe('unknownAttributes', () => {
  it('names one that is gone where they are refused, and hides what it held', async () => {
    const { sandbox, ask, one } = await withAda({ unknownAttributes: 'refuse' });
    sandbox.set({ attributes: [{ name: 'level', type: 'Number' }] });
    const change = patch({ op: 'replace', value: { [ATTRIBUTES]: { level: 1, region: 'us' } } });
    const { status, body } = await ask('PATCH', one, change);
    expect([status, body.message]).toEqual([400, `${ATTRIBUTES}.region: no such user attribute`]);
    expect((await ask('GET', one)).body[ATTRIBUTES]).toEqual({});
  });
});

describe('rename', () => {
  const change = patch({ op: 'replace', value: { userName: 'eve@example.com', displayName: 'Eve' } });

  it('is taken', async () => {
    const { ask, one } = await withAda({});
    expect((await ask('PATCH', one, change)).body).toMatchObject({ userName: 'eve@example.com' });
  });

  it('is ignored in silence where that is set', async () => {
    const { ask, one } = await withAda({ rename: 'ignore' });
    const { status, body } = await ask('PATCH', one, change);
    expect([status, body.userName, body.displayName]).toEqual([200, ADA, 'Eve']);
  });

  it('is refused where that is set, unless the address is the same', async () => {
    const { ask, one } = await withAda({ rename: 'refuse' });
    const { status, body } = await ask('PATCH', one, change);
    expect([status, body.message]).toEqual([400, 'userName: cannot be changed']);
    const same = patch({ op: 'replace', value: { userName: ADA, displayName: 'Eve' } });
    expect((await ask('PATCH', one, same)).status).toBe(200);
  });
});

describe('listInactive', () => {
  it.each([
    [true, 1],
    [false, 0],
  ])('%s: lists %i', async (listInactive, count) => {
    const { ask, one } = await withAda({ listInactive });
    await ask('PATCH', one, setActive(false));
    expect((await ask('GET', USERS)).body.totalResults).toBe(count);
    const filter = encodeURIComponent(`userName eq "${ADA}"`);
    expect((await ask('GET', `${USERS}?filter=${filter}`)).body.totalResults).toBe(count);
    expect((await ask('GET', one)).body.active).toBe(false);
  });
});

describe('maxPageSize', () => {
  it('caps a page whatever count says', async () => {
    const { sandbox, ask } = await opened({ maxPageSize: 2 });
    sandbox.seed([1, 2, 3].map((n) => ({ userName: `u${n}@example.com`, displayName: 'U' })));
    const { body } = await ask('GET', `${USERS}?count=1000`);
    expect(body).toMatchObject({ itemsPerPage: 2, totalResults: 3 });
    expect(body.Resources).toHaveLength(2);
  });
});

describe('lowerCaseAddresses', () => {
  it('stores addresses in lower case, new and changed', async () => {
    const { ask } = await opened({ lowerCaseAddresses: true });
    const { body } = await ask('POST', USERS, aUser('Ada@Example.com'));
    expect(body.userName).toBe(ADA);
    const change = patch({ op: 'replace', value: { userName: 'EVE@example.com' } });
    expect((await ask('PATCH', `${USERS}/${body.id}`, change)).body.userName).toBe('eve@example.com');
  });

  it('leaves them as they came where not set', async () => {
    const { ask } = await opened();
    expect((await ask('POST', USERS, aUser('Ada@Example.com'))).body.userName).toBe('Ada@Example.com');
  });
});

describe('errorShape', () => {
  it.each([
    ['message', { error: 'not_found', message: 'User not found' }],
    ['detail', { detail: 'User not found', status: 404 }],
    ['plain', { error: 'User not found' }],
  ] as const)('%s', async (errorShape, body) => {
    const { ask } = await opened({ errorShape });
    expect((await ask('GET', `${USERS}/none`)).body).toEqual(body);
  });
});
