/** Omni's attribute definitions: read before a write, once a day, and what they do not allow is left out alone. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readDefinitionsToday } from '../../worker/definitions.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { createRig, type Rig } from './rig.ts';

let server: TestRedis;
let rig: Rig;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
afterEach(async () => {
  await rig.close();
  await server.client().flushall();
});

const DEFINITIONS = 'GET /api/v1/user-attributes';
const PERSON = {
  id: 'E1',
  email: 'p1@acme.example',
  name: 'Person 1',
  status: 'active',
  region: 'north',
  level: 'seven',
};

describe('readDefinitionsToday', () => {
  it('asks once before the first write, and leaves out what Omni does not know', async () => {
    rig = await createRig({
      server,
      definitions: 'unread',
      sandbox: { attributes: [{ name: 'region' }] },
      mapping: { attributes: { region: 'region', regoin: 'region' } },
    });
    rig.people.set([PERSON]);
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls().filter((call) => call === DEFINITIONS)).toHaveLength(1);
    expect(rig.sandbox.state().users).toMatchObject([{ attributes: { region: 'north' } }]);
    expect((await rig.links())[0]?.confirmed.size).toBe(3);
    await rig.reconcile();
    await rig.drain();
    expect(rig.calls()).toEqual([]);
  });

  it('asks once for people who are applied at the same time', async () => {
    rig = await createRig({ server, definitions: 'unread', sandbox: { attributes: [{ name: 'region' }] } });
    const desired = {
      sourceId: 'E1',
      userName: 'p@x.com',
      displayName: 'P',
      attributes: { region: 'north' },
    };
    const deps = { ...rig, signal: new AbortController().signal };
    await Promise.all([1, 2, 3, 4].map(() => readDefinitionsToday(desired, deps)));
    expect(rig.calls().filter((call) => call === DEFINITIONS)).toHaveLength(1);
    await readDefinitionsToday(desired, deps);
    expect(rig.calls()).not.toContain(DEFINITIONS);
  });

  it('sends what was left out once Omni defines it and the definitions are read again', async () => {
    rig = await createRig({
      server,
      definitions: 'unread',
      sandbox: { attributes: [] },
      mapping: { attributes: { region: 'region' } },
    });
    rig.people.set([PERSON]);
    await rig.reconcile();
    await rig.drain();
    expect(rig.sandbox.state().users[0]?.attributes).toEqual({});
    rig.sandbox.set({ attributes: [{ name: 'region' }] });
    await rig.ledger.definitions.write([{ name: 'region', type: 'String', multiple: false, system: false }]);
    await rig.reconcile();
    await rig.drain();
    expect(rig.sandbox.state().users[0]?.attributes).toEqual({ region: 'north' });
  });

  it('leaves out a value of a wrong type, for that person alone', async () => {
    rig = await createRig({
      server,
      definitions: 'unread',
      sandbox: { attributes: [{ name: 'level', type: 'Number' }] },
      mapping: { attributes: { level: 'level' } },
    });
    rig.people.set([PERSON, { ...PERSON, id: 'E2', email: 'p2@acme.example', level: '7' }]);
    await rig.reconcile();
    await rig.drain();
    const levels = rig.sandbox.state().users.map(({ attributes }) => String(attributes.level));
    expect(levels.sort()).toEqual(['7', 'undefined']);
  });
});
