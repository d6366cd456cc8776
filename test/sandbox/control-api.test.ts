/** The controls over HTTP, without a key. */
import { describe, expect, it } from 'vitest';
import { opened, USERS } from './client.ts';

async function controlled() {
  const { sandbox, ask } = await opened();
  const control = (method: string, path: string, body?: unknown) =>
    ask(method, `/_sandbox/${path}`, body, { key: null });
  return { sandbox, ask, control };
}

describe('the control API', () => {
  it('seeds accounts with their past, and shows them', async () => {
    const { ask, control } = await controlled();
    const ada = {
      userName: 'Ada@example.com',
      displayName: 'Ada',
      active: false,
      createdAt: '2020-02-03T04:05:06.000Z',
      attributes: { region: 'emea', nonsense: 'x' },
      id: '33333333-3333-4333-8333-333333333333',
    };
    const embed = { userName: 'Ada@example.com', displayName: 'E', embed: true };
    const { status, body } = await control('POST', 'users', { users: [ada, embed] });
    expect([status, body.ids]).toEqual([201, [ada.id, expect.any(String)]]);
    const shown = { ...ada, modifiedAt: ada.createdAt, attributes: { region: 'emea' } };
    const state = (await control('GET', 'state')).body;
    expect(state).toMatchObject({
      users: [shown],
      deleted: [],
      embedUsers: [{ displayName: 'E' }],
      groups: [],
    });
    expect((await ask('GET', `${USERS}/${ada.id}`)).body.meta.created).toBe(ada.createdAt);
  });

  it('seeds all or none', async () => {
    const { sandbox, control } = await controlled();
    const one = { userName: 'a@example.com', displayName: 'A' };
    const twin = { ...one, userName: 'A@example.com' };
    expect((await control('POST', 'users', { users: [one, twin] })).status).toBe(409);
    const wrong = await control('POST', 'users', { users: [one, { ...one, userName: 'b' }] });
    expect([wrong.status, wrong.body.message]).toEqual([400, 'users[1].userName: Invalid email address']);
    expect(sandbox.state().users).toEqual([]);
  });

  it('changes settings at once, and only those that are named', async () => {
    const { sandbox, ask, control } = await controlled();
    expect((await control('POST', 'settings', { requestsPerMinute: 1, retryAfter: 'seconds' })).status).toBe(
      204,
    );
    expect([(await ask('GET', USERS)).status, (await ask('GET', USERS)).status]).toEqual([200, 429]);
    expect(sandbox.state().settings).toMatchObject({ requestsPerMinute: 1, put: 'reset', windowMs: 60_000 });
    const wrong = await control('POST', 'settings', { put: 'never' });
    expect([wrong.status, wrong.body.message.split(':')[0]]).toEqual([400, 'put']);
    expect((await control('POST', 'settings', { requestPerMinute: 2 })).status).toBe(400);
  });

  it('adds and revokes keys', async () => {
    const { ask, control } = await controlled();
    const { status, body } = await control('POST', 'keys', { add: ['new'], revoke: ['key-1'] });
    expect([status, body]).toEqual([200, { added: ['key-2'] }]);
    expect((await ask('GET', USERS)).status).toBe(401);
    expect((await ask('GET', USERS, undefined, { key: 'new' })).status).toBe(200);
    expect((await control('POST', 'keys', { revoke: ['nobody'] })).status).toBe(404);
  });

  it('arms and disarms faults', async () => {
    const { ask, control } = await controlled();
    const rule = { path: USERS, skip: 1, fault: { kind: 'status', status: 503 } };
    expect((await control('POST', 'faults', rule)).status).toBe(204);
    expect([(await ask('GET', USERS)).status, (await ask('GET', USERS)).status]).toEqual([200, 503]);
    expect((await control('GET', 'state')).body.faults).toEqual([{ rule, seen: 2, struck: 1 }]);
    await control('DELETE', 'faults');
    expect((await ask('GET', USERS)).status).toBe(200);
    const wrong = await control('POST', 'faults', { fault: { kind: 'delay' } });
    expect([wrong.status, wrong.body.message.split(':')[0]]).toEqual([400, 'fault.ms']);
  });

  it('shows the log since a call, and is not in it', async () => {
    const { ask, control } = await controlled();
    await ask('GET', USERS);
    await ask('GET', `${USERS}/x`);
    const { body } = await control('GET', 'calls?since=1');
    expect(body.calls).toMatchObject([{ seq: 2, status: 404 }]);
    expect((await control('DELETE', 'calls')).status).toBe(204);
    expect((await control('GET', 'calls')).body).toEqual({ calls: [] });
    expect((await control('GET', 'calls?since=x')).status).toBe(400);
  });

  it('says what there is where somebody asks for something else', async () => {
    const { control } = await controlled();
    const { status, body } = await control('GET', 'status');
    expect([status, body.message]).toEqual([404, expect.stringContaining('GET state')]);
  });
});
