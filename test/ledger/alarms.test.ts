import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAlarms } from '../../ledger/alarms.ts';
import { syncKeys } from '../../ledger/keys.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

describe('createAlarms', () => {
  it('lets one process tell at a time', async () => {
    const alarms = createAlarms(server.client(), syncKeys('a'));
    expect(await alarms.claim('one')).toBe(true);
    expect(await alarms.claim('two')).toBe(false);
    await alarms.release('two');
    expect(await alarms.claim('two')).toBe(false);
    await alarms.release('one');
    expect(await alarms.claim('two')).toBe(true);
  });

  it('remembers what each recipient was told', async () => {
    const alarms = createAlarms(server.client(), syncKeys('b'));
    await alarms.note('anna', 'held', 'x');
    await alarms.note('bert', 'held', 'y');
    expect(await alarms.told('anna')).toEqual(new Map([['held', 'x']]));
    await alarms.forget('anna', 'held');
    expect(await alarms.told('anna')).toEqual(new Map());
    expect(await alarms.told('bert')).toEqual(new Map([['held', 'y']]));
  });
});
