/** Who comes back, under the same id or another one, and who takes over whose address. */
import { describe, expect, it } from 'vitest';
import { crowd, person } from '../support/people.ts';
import {
  aside,
  DELETE,
  dieAt,
  employ,
  expectLedgerRight,
  inOmni,
  rigsOfFile,
  round,
  stages,
} from './living.ts';
import { LIST, PATCH, POST, type Rig, type RigOptions } from './rig.ts';

const rigWith = rigsOfFile();
const REGION = { mapping: { attributes: { region: 'region' } } };
const LONG = { graceMs: { missing: 3_600_000, inactive: 3_600_000, outOfScope: 3_600_000 } };

/** Enough that a few who change their id at once are no case for the guard. */
const ALL = crowd(12);
const others = () => ALL.slice(1);
const NUMBERS = ALL.map((_, i) => i + 1);
const REST = NUMBERS.slice(1);

/** Twelve people, of whom the first was taken away. */
async function leftOne(options: Partial<RigOptions> = {}, action: 'deactivate' | 'delete' = 'deactivate') {
  const rig = await rigWith(options);
  rig.configure({ leaving: { action } });
  await employ(rig, 12);
  rig.people.set(others());
  await round(rig);
  expect(inOmni(rig).active).toEqual(REST);
  return rig;
}

/** Everyone is in Omni, active, once, as the directory says. */
async function expectAll(rig: Rig): Promise<void> {
  expect(inOmni(rig).active).toEqual(NUMBERS);
  expect(await aside(rig)).toEqual({});
  await expectLedgerRight(rig);
  expect((await round(rig)).calls).toEqual([]);
}

describe('a returner', () => {
  it('is reactivated by one call that writes every field', async () => {
    const rig = await leftOne(REGION);
    rig.people.set([person(1, { name: 'Back Again', region: 'south' }), ...others()]);
    const { calls, run } = await round(rig);
    expect(calls).toEqual([PATCH]);
    expect(await rig.ledger.runs.get(run.id)).toMatchObject({ changes: { return: 1 }, applied: 1 });
    expect(rig.sandbox.state().users.find(({ userName }) => userName.startsWith('p1@'))).toMatchObject({
      active: true,
      displayName: 'Back Again',
      attributes: { region: 'south' },
    });
    await expectAll(rig);
  });

  it('may have another address by then', async () => {
    const rig = await leftOne();
    rig.people.set([person(1, { email: 'p1.new@acme.example' }), ...others()]);
    expect((await round(rig)).calls).toEqual([PATCH]);
    await expectAll(rig);
  });

  it('leaves and returns as often as they like', async () => {
    const rig = await leftOne();
    for (let again = 0; again < 3; again++) {
      rig.people.set(ALL);
      expect((await round(rig)).calls).toEqual([PATCH]);
      rig.people.set(others());
      expect((await round(rig)).calls).toEqual([PATCH]);
    }
    await expectLedgerRight(rig);
  });

  it('is left as they are under policy create', async () => {
    const rig = await leftOne();
    rig.configure({ rules: { policy: 'create' } });
    rig.people.set(ALL);
    expect((await round(rig)).calls).toEqual([]);
  });

  it('is created anew where the account was deleted', async () => {
    const rig = await leftOne({}, 'delete');
    rig.people.set(ALL);
    expect((await round(rig)).calls).toEqual([PATCH, LIST, POST]);
    await expectAll(rig);
  });

  it.each([
    ['works', 'create', true],
    ['missing', 'create', true],
    ['conflict', 'create', true],
    ['newId', 'create', true],
    ['missing', 'create', false],
    ['conflict', 'create', false],
    ['newId', 'conflict', false],
    ['works', 'conflict', false],
  ] as const)(
    'ends with one active account: reactivate %s, POST of a revoked address %s, listed %s',
    async (reactivate, revokedPost, listInactive) => {
      const rig = await leftOne({ ...REGION, sandbox: { reactivate, revokedPost, listInactive } });
      rig.people.set(ALL);
      await round(rig);
      await expectAll(rig);
      rig.people.set(others());
      await round(rig);
      expect(inOmni(rig).active).toEqual(REST);
      await expectLedgerRight(rig);
    },
  );

  it.each([
    ['missing', true, 'omni.stays-inactive'],
    ['conflict', true, 'omni.stays-inactive'],
    ['missing', false, 'omni.conflict-unseen'],
    ['conflict', false, 'omni.conflict-unseen'],
  ] as const)(
    'is set aside by name where Omni gives no way: reactivate %s, listed %s',
    async (reactivate, listInactive, code) => {
      const rig = await leftOne({ sandbox: { reactivate, revokedPost: 'conflict', listInactive } });
      rig.people.set(ALL);
      await round(rig);
      expect(await aside(rig)).toEqual({ E1: code });
      expect((await round(rig)).calls).toEqual([]);
      expect(inOmni(rig).active).toEqual(REST);
      rig.sandbox.set({ reactivate: 'works' });
      await rig.ledger.quarantine.release((await rig.ledger.quarantine.all()).map(({ ref }) => ref));
      await round(rig);
      await expectAll(rig);
    },
  );

  it('gets the account back that is Omni’s new one, under adopt: never too', async () => {
    const rig = await leftOne({ rules: { adopt: 'never' }, sandbox: { reactivate: 'newId' } });
    rig.people.set(ALL);
    await round(rig);
    await expectAll(rig);
  });

  it.each(['apply.taken', 'apply.intent', 'apply.answered', 'apply.committed'])(
    'who leaves again after a death at %s is taken away in the end',
    async (step) => {
      const rig = await leftOne();
      rig.people.set(ALL);
      await rig.reconcile();
      await dieAt(rig, step);
      rig.people.set(others());
      await round(rig);
      await round(rig);
      expect(inOmni(rig)).toEqual({ active: REST, inactive: [1] });
      await expectLedgerRight(rig);
      rig.people.set(ALL);
      await round(rig);
      await expectAll(rig);
    },
  );
});

describe('a returner whose removal was broken off', () => {
  it('is not believed active when Omni refuses to bring the account back or to make another', async () => {
    const rig = await rigWith({ sandbox: { reactivate: 'missing', revokedPost: 'conflict' } });
    await employ(rig, 12);
    rig.people.set(others());
    await rig.reconcile();
    await dieAt(rig, 'apply.answered');
    rig.people.set(ALL);
    await round(rig);
    expect(await aside(rig)).toEqual({ E1: 'omni.stays-inactive' });
    rig.sandbox.set({ reactivate: 'works' });
    await rig.ledger.quarantine.release((await rig.ledger.quarantine.all()).map(({ ref }) => ref));
    expect((await round(rig)).calls).toEqual([PATCH]);
    await expectAll(rig);
  });
});

describe('an account that a broken-off create made in place of another one', () => {
  it('is known, and goes, where a returner leaves again', async () => {
    const rig = await leftOne({}, 'delete');
    rig.people.set(ALL);
    await rig.reconcile();
    await dieAt(rig, 'apply.answered');
    expect(inOmni(rig).active).toEqual(NUMBERS);
    rig.people.set(others());
    await round(rig);
    await round(rig);
    expect(inOmni(rig).active).toEqual(REST);
    await expectLedgerRight(rig);
    rig.people.set(ALL);
    await round(rig);
    await expectAll(rig);
  });

  it('is known, and goes, where the first one was deleted by hand and its person leaves', async () => {
    const rig = await rigWith();
    await employ(rig, 12);
    await rig.omni.deleteUser((await rig.links())[0]?.omniId ?? '');
    rig.people.set([person(1, { name: 'Renamed' }), ...others()]);
    await rig.reconcile();
    const posted = () => rig.calls().includes(POST);
    for (let tries = 0; tries < 3 && !posted(); tries++) await dieAt(rig, 'apply.answered');
    rig.people.set(others());
    for (let rounds = 0; rounds < 3; rounds++) await round(rig);
    expect(inOmni(rig).active).toEqual(REST);
    await expectLedgerRight(rig);
  });
});

describe('a relink that was broken off', () => {
  const HEIR = person(99, { email: 'p1@acme.example', name: 'Person 1', region: 'south' });
  const STEPS = ['apply.taken', 'apply.intent', 'apply.answered', 'apply.committed'];
  const expectOthers = async (rig: Rig) => {
    await round(rig);
    await round(rig);
    expect(inOmni(rig).active).toEqual(REST);
    await expectLedgerRight(rig);
  };

  it.each(STEPS)('at %s leaves no account active whose heir is gone again', async (step) => {
    const rig = await leftOne(REGION);
    rig.people.set([HEIR, ...others()]);
    await rig.reconcile();
    await dieAt(rig, step);
    rig.people.set(others());
    await expectOthers(rig);
    rig.people.set(ALL);
    await round(rig);
    await expectAll(rig);
  });

  it.each(STEPS)('at %s leaves no account active whose heir has another address now', async (step) => {
    const rig = await leftOne(REGION);
    rig.people.set([HEIR, ...others()]);
    await rig.reconcile();
    await dieAt(rig, step);
    rig.people.set([{ ...HEIR, email: 'p99@acme.example' }, ...others()]);
    await round(rig);
    await round(rig);
    expect(inOmni(rig).active).toEqual([...REST, 99]);
    await expectLedgerRight(rig);
  });

  it.each(STEPS)('at %s of an account that was active lets nothing of the heir’s stay', async (step) => {
    const rig = await rigWith(REGION);
    await employ(rig, 12);
    rig.people.set([HEIR, ...others()]);
    await rig.reconcile();
    await dieAt(rig, step);
    rig.people.set(ALL);
    await round(rig);
    await round(rig);
    const [first] = rig.sandbox.state().users.filter(({ userName }) => userName.startsWith('p1@'));
    expect(first?.attributes).toEqual({ region: 'north' });
    await expectLedgerRight(rig);
  });

  it('waits where something waits for the earlier id', async () => {
    const rig = await leftOne(REGION);
    rig.people.set([HEIR, ...others()]);
    await rig.reconcile();
    await dieAt(rig, 'apply.answered');
    rig.people.set(ALL);
    await rig.reconcile();
    for (let tries = 0; (await rig.ledger.outbox.size()) > 0 && tries < 5; tries++) {
      await rig.drain();
      for (const job of await rig.queues.apply.getDelayed()) await job.promote();
      await rig.ledger.quarantine.release((await rig.ledger.quarantine.all()).map(({ ref }) => ref));
    }
    await round(rig);
    rig.calls();
    await expectAll(rig);
  });
});

describe('a new id with the old address', () => {
  const ids = async (rig: Rig) => (await rig.links()).map(({ sourceId }) => sourceId);
  const HEIRS = [...REST.map((n) => `E${n}`), 'E99'].sort();
  const REHIRED = person(99, { email: 'p1@acme.example', name: 'Person 1' });

  it('takes the account over without a call where nothing differs', async () => {
    const rig = await rigWith(REGION);
    await employ(rig, 12);
    const account = (await rig.links())[0]?.omniId;
    rig.people.set([REHIRED, ...others()]);
    expect(await round(rig)).toMatchObject({ calls: [], run: { leavers: 0, changes: { relink: 1 } } });
    expect(await ids(rig)).toEqual(HEIRS);
    expect((await rig.links()).at(-1)?.omniId).toBe(account);
    await expectAll(rig);
  });

  it('writes what differs', async () => {
    const rig = await rigWith(REGION);
    await employ(rig, 12);
    rig.people.set([{ ...REHIRED, region: 'south' }, ...others()]);
    expect((await round(rig)).calls).toEqual([PATCH]);
    await expectAll(rig);
  });

  it('comes in the grace of the old one', async () => {
    const rig = await rigWith();
    await employ(rig, 12);
    rig.configure({ leaverRules: LONG });
    rig.people.set(others());
    await round(rig);
    rig.people.set([REHIRED, ...others()]);
    expect((await round(rig)).calls).toEqual([]);
    expect(await stages(rig)).toEqual({});
    await expectAll(rig);
  });

  it('comes while the old one is about to be taken away', async () => {
    const rig = await rigWith();
    await employ(rig, 12);
    rig.people.set(others());
    await rig.reconcile();
    rig.people.set([REHIRED, ...others()]);
    await round(rig);
    await expectAll(rig);
    expect(rig.sandbox.state().users).toHaveLength(12);
  });

  it('waits while a removal of the old one is under way', async () => {
    const rig = await rigWith();
    await employ(rig, 12);
    rig.people.set(others());
    await rig.reconcile();
    await dieAt(rig, 'apply.answered');
    rig.people.set([REHIRED, ...others()]);
    await rig.reconcile();
    while ((await rig.ledger.outbox.size()) > 0) {
      await rig.drain();
      for (const job of await rig.queues.apply.getDelayed()) await job.promote();
      await rig.ledger.quarantine.release((await rig.ledger.quarantine.all()).map(({ ref }) => ref));
    }
    rig.calls();
    await expectAll(rig);
  });

  it('reactivates the account of the old one who was taken away', async () => {
    const rig = await leftOne();
    rig.people.set([REHIRED, ...others()]);
    expect(await round(rig)).toMatchObject({ calls: [PATCH], run: { changes: { relink: 1 } } });
    expect(rig.sandbox.state().users).toHaveLength(12);
    await expectAll(rig);
  });

  it.each(['missing', 'conflict', 'newId'] as const)(
    'gets one active account where the old one does not come back: %s',
    async (reactivate) => {
      const rig = await leftOne({ sandbox: { reactivate } });
      rig.people.set([REHIRED, ...others()]);
      await round(rig);
      expect(await ids(rig)).toEqual(HEIRS);
      await expectAll(rig);
    },
  );

  it.each([
    ['inactive', { status: 'left' }],
    ['out of scope', { region: 'nowhere' }],
  ])('takes over while the old record is still there, %s', async (_, change) => {
    const rig = await rigWith();
    await employ(rig, 12);
    rig.people.set([person(1, change), REHIRED, ...others()]);
    expect(await round(rig)).toMatchObject({ calls: [], run: { leavers: 0, rejected: 0 } });
    await expectAll(rig);
    // Wanted again, the old one is a twin of who has the account now.
    rig.people.set([person(1), REHIRED, ...others()]);
    expect(await round(rig)).toMatchObject({ calls: [], run: { rejected: 1, leavers: 0 } });
  });

  it('does not take over from somebody whom an incomplete read did not meet', async () => {
    const rig = await rigWith();
    await employ(rig, 12);
    rig.people.pages([[REHIRED, ...others()]], true);
    expect((await round(rig)).calls).toEqual([]);
    expect((await rig.links())[0]?.sourceId).toBe('E1');
  });

  it('makes a new account where somebody deleted the old one', async () => {
    const rig = await rigWith(REGION);
    await employ(rig, 12);
    await rig.omni.deleteUser((await rig.links())[0]?.omniId ?? '');
    rig.calls();
    rig.people.set([{ ...REHIRED, region: 'south' }, ...others()]);
    await round(rig);
    expect(inOmni(rig).active).toEqual(NUMBERS);
    expect(await ids(rig)).toEqual(HEIRS);
  });

  it('may be done again and again', async () => {
    const rig = await rigWith();
    await employ(rig, 12);
    for (const id of ['A', 'B', 'C']) {
      rig.people.set([{ ...REHIRED, id }, ...others()]);
      expect((await round(rig)).calls).toEqual([]);
    }
    rig.people.set(others());
    expect((await round(rig)).calls).toEqual([PATCH]);
    rig.people.set([{ ...REHIRED, id: 'D' }, ...others()]);
    expect((await round(rig)).calls).toEqual([PATCH]);
    await expectAll(rig);
  });
});

describe('addresses that change hands', () => {
  const named = (n: number, address: number) => person(n, { email: `p${address}@acme.example` });
  const rejected = async (rig: Rig) =>
    Object.fromEntries((await rig.ledger.rejections()).map(({ sourceId = '', code }) => [sourceId, code]));

  it('are a named conflict where two people swap, with no call and no job, until one of them moves on', async () => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.people.set([named(1, 2), named(2, 1), person(3), person(4)]);
    for (let again = 0; again < 2; again++) expect((await round(rig)).calls).toEqual([]);
    expect(await rejected(rig)).toEqual({ E1: 'record.address-circle', E2: 'record.address-circle' });
    expect(await rig.ledger.outbox.size()).toBe(0);
    rig.people.set([named(1, 2), named(2, 22), person(3), person(4)]);
    await settle(rig);
    rig.people.set([named(1, 2), named(2, 1), person(3), person(4)]);
    await settle(rig);
    expect(await rejected(rig)).toEqual({});
    expect((await rig.links()).map(({ userName }) => userName)).toEqual(
      [2, 1, 3, 4].map((n) => `p${n}@acme.example`),
    );
    await expectLedgerRight(rig);
  });

  it('are a named conflict in a circle of three, and of no matter to the fourth', async () => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.people.set([named(1, 2), named(2, 3), named(3, 1), named(4, 44)]);
    const { calls } = await round(rig);
    expect(calls).toEqual([PATCH]);
    expect(await rejected(rig)).toEqual({
      E1: 'record.address-circle',
      E2: 'record.address-circle',
      E3: 'record.address-circle',
    });
  });

  it('converge along a chain', async () => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.people.set([named(1, 2), named(2, 3), named(3, 33), person(4), named(5, 1)]);
    await settle(rig);
    expect(await rejected(rig)).toEqual({});
    expect((await rig.links()).map(({ userName }) => userName)).toEqual(
      [2, 3, 33, 4, 1].map((n) => `p${n}@acme.example`),
    );
    await expectLedgerRight(rig);
  });

  it('wait for a leaver whose account has them still, and go on when it is deleted', async () => {
    const rig = await rigWith();
    rig.configure({ leaving: { action: 'delete' }, leaverRules: LONG });
    await employ(rig, 4);
    rig.people.set([named(2, 1), person(3), person(4)]);
    expect((await round(rig)).calls).toEqual([]);
    expect(await rejected(rig)).toEqual({ E2: 'record.address-kept' });
    rig.configure({ leaverRules: { graceMs: { missing: 0, inactive: 0, outOfScope: 0 } } });
    expect((await round(rig)).calls).toEqual([DELETE]);
    expect((await round(rig)).calls).toEqual([PATCH]);
    await expectLedgerRight(rig);
  });

  it('are not waited for behind somebody who was rejected', async () => {
    const rig = await rigWith();
    await employ(rig, 4);
    // E2 would give its address up, but for the address of E4 that two people want.
    rig.people.set([named(1, 2), named(2, 4), person(3), person(4)]);
    expect((await round(rig)).calls).toEqual([]);
    expect(await rejected(rig)).toMatchObject({ E1: 'record.address-kept', E2: 'record.twin-userName' });
    rig.people.set([named(1, 2), named(2, 22), person(3), person(4)]);
    await settle(rig);
    await expectLedgerRight(rig);
  });

  /** Rounds until nothing waits; a job that waits its turn comes at once. */
  async function settle(rig: Rig): Promise<void> {
    await rig.reconcile();
    for (let rounds = 0; (await rig.ledger.outbox.size()) > 0; rounds++) {
      expect(rounds).toBeLessThan(10);
      await rig.ledger.quarantine.release((await rig.ledger.quarantine.all()).map(({ ref }) => ref));
      for (const job of await rig.queues.apply.getDelayed()) await job.promote();
      await rig.drain();
    }
    rig.calls();
  }
});
