/** One person's story, whatever has become of them. */
import { describe, expect, it } from 'vitest';
import type { Explanation } from '../../ops/explanation.ts';
import { explain } from '../../worker/explain.ts';
import type { SyncParts } from '../../worker/sync.ts';
import { crowd, person } from '../support/people.ts';
import { employ, refOf, rigsOfFile, round } from './living.ts';
import type { Rig } from './rig.ts';

const rigWith = rigsOfFile();
const HOUR = { graceMs: { missing: 3_600_000, inactive: 3_600_000, outOfScope: 3_600_000 } };

/** A sync of the rig, as far as a story goes. */
async function story(rig: Rig, name: string): Promise<Explanation | undefined> {
  const { queues, queueOptions, budget } = rig;
  const schedule = { expression: '*/15 * * * *', full: undefined, timezone: 'UTC' };
  const parts = { ...rig.deps(), queues, queueOptions, budget, schedule, name: 'acme' };
  return explain(name, parts as unknown as SyncParts);
}

/** Everything that Redis holds of the sync, but the budget's clock. */
async function kept(rig: Rig): Promise<string> {
  const names = (await rig.redis.keys('{omni-sync:*')).sort();
  const values = await Promise.all(names.map((name) => rig.redis.dumpBuffer(name)));
  return JSON.stringify(names.map((name, i) => [name, values[i]?.toString('base64')]));
}

describe('explain', () => {
  it('finds people by id, address and ref, and says all is in step', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    for (const name of ['E1', 'P1@ACME.example', await refOf(rig, 'E1')]) {
      expect(await story(rig, name)).toMatchObject({
        sourceId: 'E1',
        record: { found: 'one', fields: { id: 'E1', region: 'north' } },
        mapping: { verdict: 'inScope', where: { value: true } },
        link: { provenance: 'created', state: 'active' },
        change: { kind: 'none' },
        audit: [{ did: 'create' }],
        next: 'Nothing: all is in step.',
      });
    }
    expect(await story(rig, 'nobody')).toBeUndefined();
  });

  it('writes nothing and asks Omni nothing', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    rig.people.set([person(1, { name: 'New' }), person(3)]);
    await rig.reconcile();
    const before = await kept(rig);
    for (const name of ['E1', 'E2', 'E3', 'nobody', 'p3@acme.example']) await story(rig, name);
    expect(await kept(rig)).toBe(before);
    expect(rig.calls()).toEqual([]);
  });

  it('tells which fields somebody changed in Omni, and that they are reported alone', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    const [one] = await rig.links();
    await rig.omni.updateUser(one?.omniId ?? '', { displayName: 'By Hand' });
    await rig.verify();
    const told = await story(rig, 'E1');
    expect(told?.drift).toMatchObject([{ field: 'displayName', mode: 'report', handed: false }]);
    expect(told?.next).toContain('Somebody changed displayName in Omni');
    expect(await story(rig, 'E2')).toMatchObject({ drift: null, next: 'Nothing: all is in step.' });
  });

  it('tells what waits, with its job and its place', async () => {
    const rig = await rigWith();
    await employ(rig, 1);
    rig.people.set([person(1, { name: 'New' }), person(2), person(3)]);
    await rig.reconcile();
    expect(await story(rig, 'E1')).toMatchObject({
      change: { kind: 'update', fields: ['displayName'] },
      waiting: { kind: 'change', desired: { displayName: 'New' } },
      jobs: [{ kind: 'update', state: 'prioritized', ahead: 2 }],
      next: 'The waiting change is sent after 2 others.',
    });
    await rig.queues.apply.pause();
    expect((await story(rig, 'E1'))?.next).toContain('omni-sync resume');
  });

  it('tells of a leaver when they are taken away, and of a held one what for', async () => {
    const rig = await rigWith();
    await employ(rig, 8);
    rig.configure({ leaverRules: { ...HOUR, limit: { people: 1 } } });
    rig.people.set([person(1, { status: 'left' }), ...crowd(8).slice(1)]);
    await round(rig);
    const leaver = await story(rig, 'E1');
    expect(leaver).toMatchObject({ mapping: { verdict: 'inactive' }, leaver: { stage: 'grace' } });
    expect(leaver?.next).toContain('after the first complete read past');
    rig.people.set(crowd(2));
    await round(rig);
    expect(await story(rig, 'E7')).toMatchObject({
      record: { found: 'none' },
      leaver: { stage: 'held' },
      next: expect.stringContaining('held until you approve'),
    });
  });

  it('tells of somebody set aside the request that failed', async () => {
    const rig = await rigWith();
    await employ(rig, 1);
    rig.people.set([person(1, { name: 'New' })]);
    rig.sandbox.fault({ method: 'PATCH', times: 1, fault: { kind: 'status', status: 400 } });
    await round(rig);
    const told = await story(rig, 'E1');
    expect(told).toMatchObject({ setAside: { request: { method: 'PATCH', status: 400 } } });
    expect(told?.next).toContain('omni-sync retry');
  });

  it('tells of who was taken away, is rejected, shares an id, or cannot be read', async () => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.people.set([person(1, { email: 'none' }), person(2), person(2), person(4)]);
    await round(rig);
    expect((await story(rig, 'E1'))?.next).toContain('mended in the directory');
    expect((await story(rig, 'E2'))?.record.found).toBe('several');
    expect((await story(rig, 'E3'))?.next).toContain('their account was taken away');
    rig.people.pages([crowd(4)], true);
    expect(await story(rig, 'E4')).toMatchObject({ record: { found: 'unread' }, link: { state: 'active' } });
    await expect(story(rig, 'nobody')).rejects.toMatchObject({ kind: 'incomplete' });
  });
});
