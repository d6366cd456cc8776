/** The call log: what tests judge by. */
import { describe, expect, it } from 'vitest';
import { aUser, NOBODY, opened, patch, USERS } from './client.ts';

describe('the call log', () => {
  it('says of every request what it was about and what came of it', async () => {
    const { sandbox, ask } = await opened();
    const { id } = (await ask('POST', '/api/scim/v2/Users', aUser('ada@example.com'))).body;
    await ask('GET', `${USERS}?filter=${encodeURIComponent('userName eq "ada@example.com"')}`);
    await ask('PATCH', `${USERS}/${id}`, patch({ op: 'replace', path: 'displayName', value: 'A' }));
    await ask('POST', USERS, aUser('ADA@example.com'));
    await ask('DELETE', `${USERS}/${NOBODY}`);
    await ask('GET', '/nothing');
    const key = 'key-1';
    const about = { userName: 'ada@example.com', id };
    expect(sandbox.calls()).toMatchObject([
      {
        seq: 1,
        key,
        method: 'POST',
        path: '/api/scim/v2/Users',
        route: USERS,
        status: 201,
        committed: true,
        ...about,
      },
      { seq: 2, key, method: 'GET', route: USERS, status: 200, committed: false, userName: about.userName },
      { seq: 3, key, method: 'PATCH', route: `${USERS}/{id}`, status: 200, committed: true, ...about },
      {
        seq: 4,
        key,
        method: 'POST',
        route: USERS,
        status: 409,
        committed: false,
        userName: 'ADA@example.com',
      },
      { seq: 5, key, method: 'DELETE', route: `${USERS}/{id}`, status: 404, committed: false, id: NOBODY },
      { seq: 6, key, method: 'GET', route: '/nothing', status: 404, committed: false },
    ]);
  });

  it('says which requests took an active account away', async () => {
    const { sandbox, ask } = await opened();
    const { id } = (await ask('POST', USERS, aUser('ada@example.com'))).body;
    const turn = (active: boolean) =>
      ask('PATCH', `${USERS}/${id}`, patch({ op: 'replace', value: { active } }));
    await turn(false);
    await turn(false);
    await turn(true);
    await ask('DELETE', `${USERS}/${id}`);
    await ask('DELETE', `${USERS}/${id}`);
    expect(sandbox.calls().map(({ removed }) => removed)).toEqual([false, true, false, false, true, false]);
  });

  it('keeps order and time, and says how long each took', async () => {
    const { sandbox, ask } = await opened();
    sandbox.fault({ times: 1, fault: { kind: 'delay', ms: 40 } });
    const before = Date.now();
    await ask('GET', USERS);
    await ask('GET', USERS);
    await expect.poll(() => sandbox.calls().every((call) => call.durationMs !== null)).toBe(true);
    const [first, second] = sandbox.calls();
    if (first === undefined || second === undefined) throw new Error('two calls were made');
    expect(first.durationMs).toBeGreaterThan(35);
    expect(second.at).toBeGreaterThan(first.at + 35);
    expect(Date.parse(first.time)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(first.time)).toBeLessThanOrEqual(Date.now());
  });

  it('goes on counting when it is cleared', async () => {
    const { sandbox, ask } = await opened();
    await ask('GET', USERS);
    sandbox.clearCalls();
    await ask('GET', USERS);
    await ask('GET', USERS);
    expect(sandbox.calls().map((call) => call.seq)).toEqual([2, 3]);
    expect(sandbox.calls(2).map((call) => call.seq)).toEqual([3]);
  });

  it('shows a request while it is in work', async () => {
    const { sandbox, ask } = await opened();
    sandbox.fault({ fault: { kind: 'delay', ms: 60_000 } });
    ask('GET', USERS).catch(() => undefined);
    await expect.poll(() => sandbox.calls()).toMatchObject([{ status: null, durationMs: null }]);
  });
});
