import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createBudget } from '../../ledger/budget.ts';
import { createSlack, VERIFY_SHARE } from '../../ledger/budget-slack.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = server.client();
});
afterAll(async () => {
  await server.stop();
});
afterEach(async () => {
  await redis.flushall();
});

const HOST = 'acme.omniapp.co';
/** 600 requests in 3 s: a slot every 5 ms, of which the slack may have every tenth. */
const PACE = { host: HOST, requestsPerMinute: 600, windowMs: 3_000 };

function slackOf(busy: () => boolean) {
  const budget = createBudget({ ...PACE, redis, keys: () => ['key-a'] });
  return { budget, slack: createSlack({ ...PACE, redis, budget, busy: async () => busy() }) };
}

describe('createSlack', () => {
  it('gives out a tenth of the budget at most', async () => {
    const { slack } = slackOf(() => false);
    const from = performance.now();
    const turns = 15;
    for (let n = 0; n < turns; n++) await slack.turn();
    const share = PACE.requestsPerMinute * VERIFY_SHARE;
    // One at once, and the others a share's period apart, but for the tolerance of its clock.
    expect(performance.now() - from).toBeGreaterThan(((turns - 1) * PACE.windowMs) / share - 20);
  });

  it('waits while something else is to be sent', async () => {
    let busy = true;
    const { slack, budget } = slackOf(() => busy);
    let had = false;
    const turn = slack.turn().then(() => {
      had = true;
    });
    for (let n = 0; n < 20; n++) await budget.turn();
    expect(had).toBe(false);
    busy = false;
    await turn;
    expect(had).toBe(true);
  });

  it('ends at an abort', async () => {
    const { slack } = slackOf(() => true);
    const stopping = new AbortController();
    const turn = slack.turn(stopping.signal);
    stopping.abort(new Error('stopped'));
    await expect(turn).rejects.toThrow('stopped');
  });
});
