/** Operators at work: several at once, and one with an older program. Rows 54 and 58 of the matrix. */
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { syncKeys } from '../../ledger/keys.ts';
import { it, somePeople } from '../support/journey.ts';
import { readLedger, withPrivateRedis } from '../support/ledger.ts';
import { endInOrder, until } from '../support/service.ts';
import { eachSecond } from './installation.ts';
import { expectInvariants } from './invariants.ts';

const PEOPLE = somePeople(30);

describe.concurrent('asks', () => {
  it('of four operators at once beside the schedule are answered each, and everybody is written once', async ({
    install,
  }) => {
    const journey = await install(PEOPLE);
    journey.configure(eachSecond);
    const service = journey.start('start');
    await until(() => journey.sandbox.state().users.length === PEOPLE.length);
    const changed = PEOPLE.map((person) => ({ ...person, name: `${person.name} II` }));
    journey.people(changed);
    journey.sandbox.clearCalls();
    const asks = [
      ['resync', '--wait'],
      ['resync', '--wait'],
      ['resync', '--user', 'E3', '--wait'],
      ['resync', '--user', 'E3', '--wait'],
    ];
    const ends = await Promise.all(asks.map((ask) => journey.cli(...ask)));
    for (const { stdout } of ends) expect(stdout).toMatch(/It is done|in step|Omni has/);
    await endInOrder(service);
    expect(journey.sandbox.calls().filter(({ committed }) => committed)).toHaveLength(PEOPLE.length);
    expectInvariants({ sandbox: journey.sandbox, people: changed, ledger: await readLedger(journey) });
  });
});

describe.concurrent('a ledger', () => {
  it('of a newer form is refused with status 2 and no call, and left as it is', async ({ install }) => {
    const journey = await install(PEOPLE);
    expect((await journey.cli('run')).code).toBe(0);
    const { meta } = syncKeys('acme');
    const data = join(journey.folder, 'data');
    await withPrivateRedis(data, (redis) => redis.hset(meta, 'schema', 2));
    const before = await withPrivateRedis(data, (redis) => redis.hgetall(meta));
    journey.sandbox.clearCalls();
    journey.people(somePeople(31));
    const { code, stderr } = await journey.cli('run');
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('newer omni-sync') });
    expect(journey.sandbox.calls()).toEqual([]);
    expect(await withPrivateRedis(data, (redis) => redis.hgetall(meta))).toEqual(before);
  });
});
