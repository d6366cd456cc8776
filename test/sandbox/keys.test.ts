/** Who is let in, and that a key is named and never shown. */
import { describe, expect, it } from 'vitest';
import { KEY, opened, USERS } from './client.ts';

describe('keys', () => {
  it('lets the organization key in', async () => {
    const { ask } = await opened();
    expect((await ask('GET', USERS)).status).toBe(200);
    expect(
      (await ask('GET', USERS, undefined, { key: null, headers: { authorization: `bearer ${KEY}` } })).status,
    ).toBe(200);
  });

  it.each([
    [null, 401],
    ['wrong', 401],
    [`${KEY}x`, 401],
    ['personal-abc', 403],
    ['mine', 403],
  ])('answers %s with %i', async (key, status) => {
    const { sandbox, ask } = await opened({ personalKeys: ['mine'] });
    const answer = await ask('POST', USERS, { displayName: 'Ada', userName: 'ada@example.com' }, { key });
    expect(answer.status).toBe(status);
    if (status === 403)
      expect(answer.body.message).toBe('User-scoped API keys are not allowed to access the SCIM API');
    expect(sandbox.state().users).toEqual([]);
  });

  it('answers an unknown key with 403 where that is set', async () => {
    const { ask } = await opened({ unknownKeyStatus: 403 });
    expect((await ask('GET', USERS, undefined, { key: 'wrong' })).status).toBe(403);
  });

  it('knows a revoked key no more, by key or by name, until it is added again', async () => {
    const { sandbox, ask } = await opened({ keys: ['one', 'two'] });
    const status = async (key: string) => (await ask('GET', USERS, undefined, { key })).status;
    sandbox.revokeKey('one');
    sandbox.revokeKey('key-2');
    expect([await status('one'), await status('two')]).toEqual([401, 401]);
    expect([sandbox.addKey('two'), sandbox.addKey('three')]).toEqual(['key-2', 'key-3']);
    expect([await status('one'), await status('two'), await status('three')]).toEqual([401, 200, 200]);
  });

  it('knows a revoked personal key no more either', async () => {
    const { sandbox, ask } = await opened({ personalKeys: ['mine'] });
    sandbox.revokeKey('mine');
    expect((await ask('GET', USERS, undefined, { key: 'mine' })).status).toBe(401);
  });

  it('gives each key a window of its own, and the refused none', async () => {
    const { ask } = await opened({ keys: ['one', 'two'], requestsPerMinute: 1 });
    const status = async (key: string) => (await ask('GET', USERS, undefined, { key })).status;
    expect([await status('one'), await status('two')]).toEqual([200, 200]);
    expect([await status('one'), await status('two')]).toEqual([429, 429]);
    expect([await status('bad'), await status('bad')]).toEqual([401, 401]);
  });

  it('shows no key in the state or the log', async () => {
    const { sandbox, ask } = await opened({ keys: ['planted-secret'], personalKeys: ['planted-mine'] });
    for (const key of ['planted-secret', 'planted-mine', 'personal-planted', 'planted-wrong', null])
      await ask('GET', USERS, undefined, { key });
    expect(sandbox.calls().map((call) => call.key)).toEqual([
      'key-1',
      'key-2',
      'personal',
      'unknown',
      'none',
    ]);
    expect(JSON.stringify([sandbox.state(), sandbox.calls()])).not.toContain('planted');
  });
});
