/** The random campaign: a seed is a day of hires, moves and leavers with 5 to 15 faults. `npm run faults -- --seeds N` for more. */
import { afterAll, describe } from 'vitest';
import { it } from '../support/journey.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { live, optionsOf } from './campaign.ts';
import { dayOf } from './day.ts';
import { KEPT_SEEDS } from './kept-seeds.ts';

const count = Number(process.env.FAULT_SEEDS ?? 5);
const seeds = [...new Set([...Array.from({ length: count }, (_, at) => at + 1), ...KEPT_SEEDS])];
const servers: TestRedis[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop())));

describe.concurrent('a day of faults', () => {
  it.for(seeds)('seed %i violates no invariant', async (seed, { install }) => {
    const day = dayOf(seed);
    const journey = await install([], optionsOf(day));
    const redis = await startRedis();
    servers.push(redis);
    await live(day, journey, redis);
  });
});
