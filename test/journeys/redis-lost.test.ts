/** Redis dies, hangs or is wiped in the middle of a run: it converges, without a duplicate and without help. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { takingAway } from '../faults/installation.ts';
import { it, type Journey, somePeople } from '../support/journey.ts';
import { expectLedgerEqual, withPrivateRedis } from '../support/ledger.ts';
import { creations, expectInStep } from '../support/verdict.ts';

const PEOPLE = somePeople(60);
/** 20 a second: the run takes three seconds, so that something can happen in its middle. */
const SLOWLY = { requestsPerMinute: 1_200 };

async function untilCreated(journey: Journey, count: number): Promise<void> {
  while (creations(journey.sandbox).size < count) await sleep(10);
}

function redisProcess(journey: Journey): Promise<number> {
  return withPrivateRedis(join(journey.folder, 'data'), async (redis) =>
    Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]),
  );
}

async function expectConverged(journey: Journey): Promise<void> {
  expectInStep(journey.sandbox, PEOPLE);
  expect([...creations(journey.sandbox).values()].every((count) => count === 1)).toBe(true);
  await expectLedgerEqual(journey, PEOPLE);
}

describe.concurrent('a run whose Redis', () => {
  it('is killed goes on when it is back', async ({ install }) => {
    const journey = await install(PEOPLE, SLOWLY);
    const running = journey.start('run');
    await untilCreated(journey, 10);
    process.kill(await redisProcess(journey), 'SIGKILL');
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    await expectConverged(journey);
  });

  it('stands still for 20 s sends no POST twice', async ({ install }) => {
    const journey = await install(PEOPLE, SLOWLY);
    const running = journey.start('run');
    await untilCreated(journey, 10);
    const pid = await redisProcess(journey);
    process.kill(pid, 'SIGSTOP');
    await sleep(20_000);
    process.kill(pid, 'SIGCONT');
    expect((await running.ended).code).toBe(0);
    await expectConverged(journey);
  });

  it.for([1, 10, 30, 55])(
    'is wiped after %i people adopts whom it has forgotten',
    async (count, { install }) => {
      const journey = await install(PEOPLE, SLOWLY);
      // So that the run has not ended when the wipe comes.
      const slow = { kind: 'delay', ms: 3_000 } as const;
      journey.sandbox.fault({ method: 'POST', path: '/api/scim/v2/users', skip: count, fault: slow });
      const running = journey.start('run');
      await untilCreated(journey, count);
      await withPrivateRedis(join(journey.folder, 'data'), (redis) => redis.flushall());
      journey.sandbox.clearFaults();
      const { code, stderr } = await running.ended;
      expect({ code, stderr }).toMatchObject({ code: 0 });
      await expectConverged(journey);
    },
  );

  it('is wiped between two runs costs list pages alone', async ({ install }) => {
    const journey = await install(PEOPLE);
    expect((await journey.cli('run')).code).toBe(0);
    await withPrivateRedis(join(journey.folder, 'data'), (redis) => redis.flushall());
    journey.sandbox.clearCalls();
    expect((await journey.cli('run')).code).toBe(0);
    expect(journey.sandbox.calls().map(({ method }) => method)).toEqual(['GET']);
    expectInStep(journey.sandbox, PEOPLE);
    await expectLedgerEqual(journey, PEOPLE);
  });

  it.for([
    ['somebody was deleted', false],
    ['it was wiped and somebody deleted', true],
  ] as const)(
    'is set back to before %s, who is back since, finds their new account',
    async ([, wiped], { install }) => {
      const journey = await install(PEOPLE.slice(0, 5), { sandbox: { revokedPost: 'create' } });
      journey.configure((yaml) => takingAway(yaml, 'action: delete, grace: 1s, limit: 5'));
      const runs = async () => expect((await journey.cli('run')).code).toBe(0);
      await runs();
      const data = join(journey.folder, 'data', 'redis', 'appendonlydir');
      const older = join(journey.folder, 'older');
      cpSync(data, older, { recursive: true });
      if (wiped) {
        rmSync(data, { recursive: true });
        // Whose account it was is forgotten with the rest: seen once more.
        await runs();
      }
      journey.people(PEOPLE.slice(0, 4));
      await runs();
      await sleep(1_500);
      await runs();
      expect(journey.sandbox.calls().filter(({ removed }) => removed)).toHaveLength(1);
      journey.people(PEOPLE.slice(0, 5));
      await runs();
      rmSync(data, { recursive: true });
      cpSync(older, data, { recursive: true });
      await runs();
      await runs();
      expectInStep(journey.sandbox, PEOPLE.slice(0, 5));
      await expectLedgerEqual(journey, PEOPLE.slice(0, 5));
    },
  );

  it('is set back to an older copy is noticed, and nobody is created twice', async ({ install }) => {
    const journey = await install(PEOPLE.slice(0, 20));
    expect((await journey.cli('run')).code).toBe(0);
    const data = join(journey.folder, 'data', 'redis', 'appendonlydir');
    const older = join(journey.folder, 'older');
    cpSync(data, older, { recursive: true });
    journey.people(PEOPLE);
    expect((await journey.cli('run')).code).toBe(0);
    rmSync(data, { recursive: true });
    cpSync(older, data, { recursive: true });
    journey.sandbox.clearCalls();
    expect((await journey.cli('run')).code).toBe(0);
    expect(journey.sandbox.calls().map(({ method }) => method)).toEqual(['GET']);
    expectInStep(journey.sandbox, PEOPLE);
    await expectLedgerEqual(journey, PEOPLE);
  });
});
