import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { syncKeys } from '../../ledger/keys.ts';
import { createRuns, type RunFindings } from '../../ledger/runs.ts';
import { noChanges } from '../../model/change.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const keys = syncKeys('acme');
const START = new Date('2026-01-02T03:04:05.678Z');
const END = new Date('2026-01-02T03:04:06.000Z');
const FOUND: RunFindings = {
  complete: true,
  ended: true,
  read: 10,
  inScope: 9,
  changes: { ...noChanges(), create: 3 },
  rejected: 1,
  held: 0,
  leavers: 2,
};

let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = server.client();
});
afterAll(async () => {
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
});

describe('createRuns', () => {
  it('tells of a run from its beginning to its end', async () => {
    const runs = createRuns(redis, keys);
    await runs.begin('r1', START);
    expect(await runs.get('r1')).toMatchObject({ id: 'r1', startedAt: START.toISOString(), complete: false });
    expect(await runs.get('r1')).not.toHaveProperty('finishedAt');
    await runs.addCalls('r1', 2);
    await runs.finish('r1', { ...FOUND, calls: 3, finishedAt: END });
    await runs.addCalls('r1', 0);
    expect(await runs.get('r1')).toEqual({
      id: 'r1',
      startedAt: START.toISOString(),
      finishedAt: END.toISOString(),
      ...FOUND,
      applied: 0,
      failed: 0,
      calls: 5,
    });
  });

  it('says why a run broke off', async () => {
    const runs = createRuns(redis, keys);
    await runs.begin('r1', START);
    await runs.fail('r1', 'cut off', END);
    expect(await runs.get('r1')).toMatchObject({ complete: false, problem: 'cut off', read: 0 });
  });

  it('knows nothing of a run that was never begun', async () => {
    expect(await createRuns(redis, keys).get('nothing')).toBeUndefined();
  });

  it('lists the newest first, keeps 200, and lets each expire', async () => {
    const runs = createRuns(redis, keys);
    for (let n = 0; n < 205; n += 1) await runs.begin(`r${n}`, START);
    expect((await runs.recent(3)).map(({ id }) => id)).toEqual(['r204', 'r203', 'r202']);
    expect(await redis.llen(keys.runs)).toBe(200);
    expect(await redis.ttl(keys.run('r0'))).toBeGreaterThan(0);
  });

  it('leaves out of the list who has expired', async () => {
    const runs = createRuns(redis, keys);
    await runs.begin('r1', START);
    await runs.begin('r2', START);
    await redis.del(keys.run('r2'));
    expect((await runs.recent(5)).map(({ id }) => id)).toEqual(['r1']);
  });
});
