/** Which request a fault strikes. */
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../sandbox/faults.ts';
import { type Ask, aUser, opened, USERS } from './client.ts';

describe('which request a fault strikes', () => {
  const fault: Fault = { kind: 'status', status: 503 };
  const statuses = async (ask: Ask, count: number) => {
    const answers = [];
    for (let n = 0; n < count; n += 1) answers.push((await ask('GET', USERS)).status);
    return answers;
  };

  it('skips, then strikes so many times', async () => {
    const { sandbox, ask } = await opened();
    sandbox.fault({ skip: 2, times: 2, fault });
    expect(await statuses(ask, 6)).toEqual([200, 200, 503, 503, 200, 200]);
  });

  it('goes by method and by route, as prefix or expression, in either casing', async () => {
    const { sandbox, ask } = await opened();
    const [id] = sandbox.seed([{ userName: 'ada@example.com', displayName: 'Ada' }]);
    const both = async () => [(await ask('GET', USERS)).status, (await ask('GET', `${USERS}/${id}`)).status];
    sandbox.fault({ method: 'post', fault });
    expect(await both()).toEqual([200, 200]);
    sandbox.fault({ path: '^/api/scim/v2/Users/\\{id\\}$', fault });
    expect(await both()).toEqual([200, 503]);
    sandbox.clearFaults();
    sandbox.fault({ method: 'GET', path: '/api/scim/v2/Users', fault });
    expect(await both()).toEqual([503, 503]);
  });

  it('goes by the person, in body, filter and id', async () => {
    const { sandbox, ask } = await opened();
    const [ada, bob] = sandbox.seed(
      ['ada', 'bob'].map((n) => ({ userName: `${n}@example.com`, displayName: n })),
    );
    sandbox.fault({ userName: 'ADA@example.com', fault });
    const filter = (name: string) => `?filter=${encodeURIComponent(`userName eq "${name}@example.com"`)}`;
    const asked = [ask('GET', `${USERS}/${ada}`), ask('GET', `${USERS}/${bob}`)];
    asked.push(ask('GET', USERS + filter('ada')), ask('GET', USERS + filter('bob')));
    asked.push(ask('POST', USERS, aUser('ada@example.com')), ask('POST', USERS, aUser('eve@example.com')));
    expect((await Promise.all(asked)).map((answer) => answer.status)).toEqual([503, 200, 503, 200, 503, 201]);
  });

  it('strikes by chance, the same with the same seed', async () => {
    const struck = async (seed: number) => {
      const { sandbox, ask } = await opened();
      sandbox.fault({ probability: 0.3, seed, fault });
      return statuses(ask, 100);
    };
    const one = await struck(7);
    expect(await struck(7)).toEqual(one);
    expect(await struck(8)).not.toEqual(one);
    const count = one.filter((status) => status === 503).length;
    expect(count).toBeGreaterThan(15);
    expect(count).toBeLessThan(45);
  });

  it('spares requests that were refused before', async () => {
    const { sandbox, ask } = await opened({ requestsPerMinute: 1 });
    sandbox.fault({ times: 1, fault });
    expect((await ask('GET', USERS, undefined, { key: 'wrong' })).status).toBe(401);
    expect(await statuses(ask, 2)).toEqual([503, 429]);
  });

  it('refuses a rule whose expression is none', async () => {
    const { sandbox } = await opened();
    expect(() => sandbox.fault({ path: '^(', fault })).toThrow(/^path: /);
  });
});
