/** B5: bytes of Redis a linked person takes at five attributes, all told, with Redis's own defaults. */
import { startRedis } from '../test/support/redis.ts';
import { linkEverybody } from './ledger-of.ts';
import { MAPPING } from './mapping.ts';
import { report } from './report.ts';

const GOAL = 160;

for (const count of [100_000, 1_000_000]) {
  const server = await startRedis();
  const redis = server.client();
  await linkEverybody(redis, count, MAPPING);
  let bytes = 0;
  for (const key of await redis.keys('*')) bytes += Number(await redis.memory('USAGE', key, 'SAMPLES', 0));
  const each = bytes / count;
  report({
    bench: 'B5',
    what: `MEMORY USAGE of every key over ${count.toLocaleString('en')} people: links with userName and a digest a field, and the index`,
    figure: `${each.toFixed(1)} bytes a person`,
    goal: `≤ ${GOAL}`,
    met: each <= GOAL,
  });
  await server.stop();
}
