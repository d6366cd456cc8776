/** One person, looked up by hand: beside a reconcile, by its rules, ahead of the backlog. */
import { describe, expect, it } from 'vitest';
import type { AskView } from '../../ops/operations.ts';
import { askView } from '../../worker/ask-view.ts';
import { reconcile } from '../../worker/reconcile.ts';
import { resyncPeople } from '../../worker/resync.ts';
import { crowd, person } from '../support/people.ts';
import {
  approve,
  aside,
  employ,
  expectLedgerRight,
  GET,
  inOmni,
  refOf,
  rigsOfFile,
  round,
  stages,
} from './living.ts';
import { PATCH, POST, type Rig, tally } from './rig.ts';

const rigWith = rigsOfFile();
const TRY = { signal: new AbortController().signal, last: false };
const HOUR = { graceMs: { missing: 3_600_000, inactive: 3_600_000, outOfScope: 3_600_000 } };

async function ask(rig: Rig, user: string, full = false): Promise<string> {
  return rig.ledger.asks.add({ by: 'test', full, person: user });
}

/** Asks for somebody and looks them up; returns what the ask says then. */
async function resync(rig: Rig, user: string, full = false): Promise<AskView> {
  const id = await ask(rig, user, full);
  await resyncPeople(rig.deps(), TRY);
  return askView(rig, id);
}

/** The same, with all that comes of it. */
async function carried(rig: Rig, user: string, full = false): Promise<AskView & { calls: string[] }> {
  const id = await ask(rig, user, full);
  await resyncPeople(rig.deps(), TRY);
  await rig.drain();
  return { ...(await askView(rig, id)), calls: rig.calls() };
}

const done = (outcome: string, says = '') => ({
  state: 'done',
  person: { outcome, says: expect.stringContaining(says) },
});

describe('resyncPeople', () => {
  it('sends the change of one person alone, called by id, address or ref', async () => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.people.set(crowd(4).map((record) => ({ ...record, name: `${record.name} II` })));
    for (const name of ['E1', 'P2@acme.example', await refOf(rig, 'E3')]) {
      expect(await carried(rig, name)).toMatchObject({ ...done('inStep'), calls: [PATCH] });
    }
    const names = rig.sandbox.state().users.map(({ displayName }) => displayName);
    expect(names.filter((name) => name.endsWith('II'))).toHaveLength(3);
    await expectLedgerRight(rig);
  });

  it('creates a new hire who is known to the directory alone', async () => {
    const rig = await rigWith();
    await employ(rig, 1);
    rig.people.set(crowd(3));
    expect(await carried(rig, 'p3@acme.example')).toMatchObject({ ...done('inStep'), calls: [POST] });
    expect(await carried(rig, 'E2')).toMatchObject({ calls: [POST] });
    expect((await round(rig)).calls).toEqual([]);
  });

  it('reads a new hire by id once, and once more for the address, whoever else waits or has an account', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    rig.people.set(crowd(3));
    const { directory, ledger, ...deps } = rig.deps();
    const reads: unknown[] = [];
    const pages = (signal: AbortSignal) => {
      reads.push('pages');
      return directory.pages(signal);
    };
    const outbox = { ...ledger.outbox, rows: () => expect.unreachable('looks through all who wait') };
    await ask(rig, 'E3');
    await resyncPeople({ ...deps, directory: { ...directory, pages }, ledger: { ...ledger, outbox } }, TRY);
    expect(reads).toEqual(['pages', 'pages']);
    await rig.drain();
    expect(rig.calls()).toEqual([POST]);
  });

  it('asks Omni nothing for somebody in step', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    expect(await carried(rig, 'E1')).toMatchObject({ ...done('inStep'), calls: [] });
  });

  it('reads the account back where the links are not to be believed, and mends it', async () => {
    const rig = await rigWith({ mapping: { attributes: { region: 'region' } } });
    await employ(rig, 2);
    const [one] = await rig.links();
    expect(await carried(rig, 'E1', true)).toMatchObject({ ...done('inStep'), calls: [GET] });
    await rig.omni.updateUser(one?.omniId ?? '', { displayName: 'By Hand' });
    rig.calls();
    expect(await carried(rig, 'E1')).toMatchObject({ calls: [] });
    expect(await carried(rig, 'E1', true)).toMatchObject({ ...done('inStep'), calls: [GET, PATCH] });
    expect(rig.sandbox.state().users.map(({ displayName }) => displayName)).not.toContain('By Hand');
  });

  it('reads it back also where a change is to be sent, so that one request mends all fields', async () => {
    const rig = await rigWith({ mapping: { attributes: { region: 'region' } } });
    await employ(rig, 2);
    const [one] = await rig.links();
    await rig.omni.updateUser(one?.omniId ?? '', { displayName: 'By Hand', active: true });
    rig.calls();
    rig.people.set([person(1, { region: 'Rome' }), person(2)]);
    expect(await carried(rig, 'E1', true)).toMatchObject({ ...done('inStep'), calls: [GET, PATCH] });
    const [user] = rig.sandbox.state().users;
    expect(user).toMatchObject({ displayName: person(1).name, attributes: { region: 'Rome' } });
    expect(rig.applied.at(-1)?.fields.toSorted()).toEqual(['@region', 'displayName']);
    expect((await round(rig)).calls).toEqual([]);
  });

  it('keeps the distrust of an earlier ask whose change still waits', async () => {
    const rig = await rigWith({ mapping: { attributes: { region: 'region' } } });
    await employ(rig, 1);
    await ask(rig, 'E1', true);
    await resyncPeople(rig.deps(), TRY);
    rig.people.set([person(1, { region: 'Rome' })]);
    expect(await carried(rig, 'E1')).toMatchObject({ ...done('inStep'), calls: [GET, PATCH] });
  });

  it('answers two asks for one person with one look, each with its own id', async () => {
    const rig = await rigWith();
    await employ(rig, 1);
    rig.people.set([person(1, { name: 'New' })]);
    let reads = 0;
    rig.people.before = async () => void reads++;
    const [first, second] = [await ask(rig, 'E1'), await ask(rig, 'E1', true)];
    expect(await askView(rig, first)).toEqual({ state: 'waiting' });
    await resyncPeople(rig.deps(), TRY);
    expect(reads).toBe(1);
    expect(await askView(rig, first)).toEqual({ state: 'running' });
    await rig.drain();
    for (const id of [first, second]) expect(await askView(rig, id)).toMatchObject(done('inStep'));
    expect(rig.calls()).toEqual([GET, PATCH]);
  });

  it('leaves the asks for people alone in a reconcile, and the other way round', async () => {
    const rig = await rigWith();
    const id = await ask(rig, 'E1');
    const whole = await rig.ledger.asks.add({ by: 'test', full: false });
    await resyncPeople(rig.deps(), TRY);
    expect(await askView(rig, whole)).toEqual({ state: 'waiting' });
    await reconcile(rig.deps(), TRY);
    expect(await askView(rig, whole)).toMatchObject({ state: 'done', run: { complete: true } });
    expect(await askView(rig, id)).toMatchObject(done('unknown'));
  });

  it('lifts the quarantine of whom it is asked for', async () => {
    const rig = await rigWith();
    await employ(rig, 1);
    rig.people.set([person(1, { name: 'New' })]);
    rig.sandbox.fault({ method: 'PATCH', times: 1, fault: { kind: 'status', status: 400 } });
    expect(await carried(rig, 'E1')).toMatchObject(done('setAside'));
    expect(Object.keys(await aside(rig))).toEqual(['E1']);
    expect(await carried(rig, 'E1')).toMatchObject(done('inStep'));
    expect(await aside(rig)).toEqual({});
  });

  it.each([
    ['inactive', { status: 'left' }, 'inactive'],
    ['out of scope', { region: 'nowhere' }, 'out of scope'],
  ])('begins the grace of somebody who is %s', async (_, change, words) => {
    const rig = await rigWith();
    await employ(rig, 2);
    rig.configure({ leaverRules: HOUR });
    rig.people.set([person(1, change), person(2)]);
    expect(await carried(rig, 'E1')).toMatchObject({ ...done('leaver', words), calls: [] });
    expect(await stages(rig)).toEqual({ E1: 'grace' });
    expect(inOmni(rig).active).toEqual([1, 2]);
  });

  it('takes nobody away, however short the grace', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    rig.people.set([person(1, { status: 'left' })]);
    for (const name of ['E1', 'E2', 'E1', 'E2']) await carried(rig, name);
    expect(inOmni(rig).active).toEqual([1, 2]);
    expect(await stages(rig)).toEqual({ E1: 'grace' });
  });

  it('says of somebody gone that one look is no proof', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    rig.people.set([person(2)]);
    expect(await resync(rig, 'E1')).toMatchObject(done('waits', 'no proof'));
    expect(await stages(rig)).toEqual({});
  });

  it('releases nobody of a held set', async () => {
    const rig = await rigWith();
    await employ(rig, 40);
    rig.configure({ leaverRules: { ...HOUR, limit: { people: 5 } } });
    rig.people.set(crowd(40).map((record, i) => (i < 10 ? { ...record, status: 'left' } : record)));
    await round(rig);
    expect(new Set(Object.values(await stages(rig)))).toEqual(new Set(['held']));
    expect(await resync(rig, 'E1')).toMatchObject(done('leaver', 'held until you approve'));
    expect(await stages(rig)).toMatchObject({ E1: 'held', E10: 'held' });
  });

  it('cancels the leave of somebody who is back', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    rig.configure({ leaverRules: HOUR });
    rig.people.set([person(1, { status: 'left' }), person(2)]);
    await round(rig);
    rig.people.set(crowd(2));
    expect(await carried(rig, 'E1')).toMatchObject({ ...done('inStep'), calls: [] });
    expect(await stages(rig)).toEqual({});
  });

  it('withdraws a removal that waits, where the person is back', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    rig.people.set([person(1, { status: 'left' }), person(2)]);
    await rig.reconcile();
    expect(await stages(rig)).toEqual({ E1: 'leaving' });
    rig.people.set(crowd(2));
    expect(await carried(rig, 'E1')).toMatchObject({ ...done('inStep'), calls: [] });
    expect(inOmni(rig).active).toEqual([1, 2]);
    expect((await round(rig)).calls).toEqual([]);
  });

  it('puts a removal ahead whose time has come', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    rig.people.set([person(1, { status: 'left' }), person(2)]);
    await rig.reconcile();
    expect(await carried(rig, 'E1')).toMatchObject({ ...done('inStep', 'taken away'), calls: [PATCH] });
    expect(inOmni(rig)).toEqual({ active: [2], inactive: [1] });
  });

  it('reactivates a returner at once', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    rig.people.set([person(2)]);
    await round(rig);
    expect(inOmni(rig).active).toEqual([2]);
    rig.people.set(crowd(2));
    expect((await carried(rig, 'E1')).state).toBe('done');
    expect(inOmni(rig).active).toEqual([1, 2]);
    await expectLedgerRight(rig);
  });

  it('leaves protected people and other policies as they are, and says so', async () => {
    const rig = await rigWith({ mapping: { protect: ['E1'] } });
    await employ(rig, 2);
    rig.people.set(crowd(2, { status: 'left' }));
    expect(await resync(rig, 'E1')).toMatchObject(done('inStep', 'protected'));
    rig.configure({ rules: { policy: 'upsert' } });
    expect(await resync(rig, 'E2')).toMatchObject(done('leaver', 'policy upsert takes nobody away'));
    expect(await stages(rig)).toEqual({});
  });

  it('explains a rejected record, twins, and a directory that cannot be read', async () => {
    const rig = await rigWith();
    await employ(rig, 3);
    rig.people.set([person(1, { email: 'none' }), person(2), person(2, { name: 'Twin' }), person(3)]);
    expect(await resync(rig, 'E1')).toMatchObject(done('rejected', 'userName'));
    expect(await resync(rig, 'E2')).toMatchObject(done('rejected', 'several records have this id'));
    rig.people.pages([crowd(3)], true);
    expect(await resync(rig, 'E3')).toMatchObject(done('unread', 'cut off'));
    expect(await resync(rig, 'nobody@acme.example')).toMatchObject(done('unread', 'cut off'));
    expect(rig.calls()).toEqual([]);
  });

  it('takes an address from nobody: a whole read knows whether its holder is gone, renamed or a twin', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    const before = rig.sandbox.state().users;
    // A re-hire under another id.
    rig.people.set([person(2), person(9, { email: 'p1@acme.example' })]);
    expect(await carried(rig, 'E9')).toMatchObject({ ...done('waits', 'next complete read'), calls: [] });
    // A twin who is new, too.
    rig.people.set([...crowd(2), person(8), person(7, { email: 'p8@acme.example' })]);
    expect(await carried(rig, 'E8')).toMatchObject({ ...done('rejected', 'same userName'), calls: [] });
    expect(rig.sandbox.state().users).toEqual(before);
  });

  it('adopts where a ledger that knows nobody is asked for one', async () => {
    const rig = await rigWith();
    rig.sandbox.seed([{ userName: 'p1@acme.example', displayName: 'Person 1' }]);
    rig.people.set(crowd(2));
    expect(await carried(rig, 'E1')).toMatchObject(done('inStep'));
    expect(await rig.links()).toMatchObject([{ sourceId: 'E1', provenance: 'adopted' }]);
    await round(rig);
    expect(rig.sandbox.state().users).toHaveLength(2);
  });

  it('withdraws a create that waits for somebody who is not wanted any more', async () => {
    const rig = await rigWith();
    rig.people.set(crowd(1));
    await rig.reconcile();
    rig.calls();
    rig.people.set([person(1, { status: 'left' })]);
    expect(await carried(rig, 'E1')).toMatchObject({ ...done('inStep'), calls: [] });
    expect(await rig.ledger.outbox.size()).toBe(0);
  });
});

describe('a look-up beside a reconcile', () => {
  /** Asks for E1 when the reconcile has read its first page, and lets it go on then. */
  async function meanwhile(rig: Rig, work: () => Promise<void>): Promise<void> {
    rig.people.before = async (page) => {
      if (page !== 1) return;
      rig.people.before = async () => undefined;
      await work();
    };
    await rig.reconcile();
  }

  it('is not overwritten by what the reconcile has read before it', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    const old = person(3, { name: 'Old' });
    rig.people.pages([[old], crowd(2)]);
    await meanwhile(rig, async () => {
      rig.people.set([...crowd(2), person(3, { name: 'New' })]);
      await resync(rig, 'E3');
    });
    // The create of the older record came at the read's end, after the look-up.
    expect((await rig.ledger.outbox.get(await refOf(rig, 'E3')))?.desired?.displayName).toBe('New');
    await rig.drain();
    expect(tally(rig.calls())).toEqual({ [POST]: 1 });
    await round(rig);
    await expectLedgerRight(rig);
  });

  it('is not dropped by a reconcile that found the person in step, or did not meet them', async () => {
    const rig = await rigWith();
    await employ(rig, 2);
    rig.people.pages([crowd(2), [person(5)]]);
    // Something waits, so that the reconcile looks for what is not wanted any more.
    await rig.reconcile();
    await meanwhile(rig, async () => {
      rig.people.set([person(1, { name: 'New' }), person(2), person(5), person(6)]);
      await resync(rig, 'E1');
      await resync(rig, 'E6');
    });
    await rig.drain();
    expect(tally(rig.calls())).toEqual({ [POST]: 2, [PATCH]: 1 });
  });

  it('looks again where a reconcile has begun since it read', async () => {
    const rig = await rigWith();
    await employ(rig, 1);
    rig.people.set([person(1, { name: 'Older' })]);
    let reads = 0;
    const { directory } = rig.people;
    const reading = {
      ...directory,
      async *pages(signal?: AbortSignal) {
        yield* directory.pages(signal);
        if (++reads > 1) return;
        rig.people.set([person(1, { name: 'Newer' })]);
        await rig.reconcile();
      },
    };
    const id = await ask(rig, 'E1');
    await resyncPeople({ ...rig.deps(), directory: reading }, TRY);
    expect(reads).toBe(2);
    await rig.drain();
    expect(await askView(rig, id)).toMatchObject(done('inStep'));
    expect(rig.sandbox.state().users[0]?.displayName).toBe('Newer');
  });

  it('is done by one process at a time', async () => {
    const rig = await rigWith();
    const hand = await rig.ledger.hand('another');
    await ask(rig, 'E1');
    await expect(resyncPeople(rig.deps(), TRY)).rejects.toMatchObject({ code: 'resync.busy' });
    await hand?.release();
    await resyncPeople(rig.deps(), TRY);
  });
});

describe('a person who is kept from leaving', () => {
  it('stays so when looked up', async () => {
    const rig = await rigWith();
    await employ(rig, 8);
    rig.configure({ leaverRules: { ...HOUR, limit: { people: 1 } } });
    rig.people.set(crowd(8).map((record, i) => (i < 3 ? { ...record, status: 'left' } : record)));
    await round(rig);
    await approve(rig, 'E1');
    await rig.ledger.leavers.keep([await refOf(rig, 'E2')]);
    expect(await resync(rig, 'E1')).toMatchObject(done('leaver', 'as was approved'));
    expect(await resync(rig, 'E2')).toMatchObject(done('inStep', 'kept by an operator'));
    expect(await stages(rig)).toMatchObject({ E1: 'approved', E3: 'held' });
  });
});
