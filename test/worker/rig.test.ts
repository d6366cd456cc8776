/** The rig's own look for personal data: every worker test ends with it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SyncError } from '../../model/errors.ts';
import { crowd } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { createRig } from './rig.ts';

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => server.client().flushall());

describe('createRig', () => {
  it('closes quietly after a run', async () => {
    const rig = await createRig({ server });
    rig.people.set(crowd(2));
    await rig.reconcile();
    await rig.drain();
    await expect(rig.close()).resolves.toBeUndefined();
  });

  it('fails where a job holds an address', async () => {
    const rig = await createRig({ server });
    await rig.redis.zadd('{omni-sync:acme}:apply:delayed', 1, 'p1@acme.example');
    await expect(rig.close()).rejects.toThrow('not to match');
  });

  it('fails where the log holds a name', async () => {
    const rig = await createRig({ server });
    const error = new SyncError('refused', 'omni.refused', 'Omni refused Person 1');
    const { code, message } = error;
    rig.events.setback({ ref: 'r3f', code, message, consequence: 'setAside', error });
    await expect(rig.close()).rejects.toThrow('not to match');
  });
});
