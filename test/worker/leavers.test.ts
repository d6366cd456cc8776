/** One who leaves, from the read that misses them to the one request that takes their account away. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createHttp } from '../../http/client.ts';
import { UNKNOWN_PRINT } from '../../ledger/link-index.ts';
import { bucketOf } from '../../ledger/packing.ts';
import { handleApplyJob } from '../../worker/apply-job.ts';
import { removalHook } from '../../worker/hook.ts';
import { spendFrom } from '../../worker/spending.ts';
import { crowd, person } from '../support/people.ts';
import {
  aside,
  DELETE,
  dieAt,
  employ,
  expectLedgerRight,
  GET,
  inOmni,
  refOf,
  rigsOfFile,
  round,
  stages,
} from './living.ts';
import { PATCH, type Rig } from './rig.ts';

const rigWith = rigsOfFile();
const LONG = { graceMs: { missing: 3_600_000, inactive: 3_600_000, outOfScope: 3_600_000 } };

/** Person 1 as a record that is not wanted, or nobody. */
const CAUSES = [
  ['gone', []],
  ['inactive', [person(1, { status: 'left' })]],
  ['out of scope', [person(1, { region: 'nowhere' })]],
] as const;

const others = () => crowd(4).slice(1);

/** Numbers of two people whose links are read together. */
function twoOfOneBucket(): [number, number] {
  const byBucket = new Map<number, number>();
  for (let number = 3; ; number++) {
    const bucket = bucketOf(`E${number}`);
    const earlier = byBucket.get(bucket);
    if (earlier !== undefined) return [earlier, number];
    byBucket.set(bucket, number);
  }
}

/** Four people, of whom the first is about to be taken away by the next job. */
async function leaverDue(rig: Rig): Promise<void> {
  await employ(rig, 4);
  rig.people.set(others());
  await rig.reconcile();
}

describe('a leaver', () => {
  it.each(CAUSES)('who is %s is deactivated by one call, once', async (_, record) => {
    const rig = await rigWith({ mapping: { attributes: { region: 'region' } } });
    await employ(rig, 4);
    rig.people.set([...record, ...others()]);
    const { calls, run } = await round(rig);
    expect(calls).toEqual([PATCH]);
    expect(inOmni(rig)).toEqual({ active: [2, 3, 4], inactive: [1] });
    expect(await rig.ledger.runs.get(run.id)).toMatchObject({ leavers: 1, held: 0, applied: 1, failed: 0 });
    expect(await stages(rig)).toEqual({});
    await expectLedgerRight(rig);
    for (let again = 0; again < 3; again++) expect((await round(rig)).calls).toEqual([]);
  });

  it('is not who was met before another job wrote their link anew', async () => {
    const rig = await rigWith();
    const [met, gone] = twoOfOneBucket();
    const everybody = [met, gone, 1, 2].map((number) => person(number));
    rig.people.set(everybody);
    await round(rig);
    rig.people.pages([[person(met)], [person(1)], [person(2)]]);
    // As a relink that was abandoned leaves it.
    rig.people.before = async (page) => {
      if (page !== 2) return;
      const link = (await rig.links()).find(({ sourceId }) => sourceId === `E${met}`);
      if (link === undefined) throw new Error('no link');
      const effect = {
        kind: 'put',
        link: { ...link, confirmed: new Set<string>() },
        fingerprint: UNKNOWN_PRINT,
      } as const;
      const ref = await refOf(rig, link.sourceId);
      await rig.ledger.commit({
        ref,
        sourceId: link.sourceId,
        version: '',
        effect,
        run: 'another',
        calls: 0,
      });
    };
    await round(rig);
    expect(inOmni(rig)).toEqual({ active: [1, 2, met], inactive: [gone] });
  });

  it.each(CAUSES)('who is %s is left alone while the grace runs, by Redis’s clock', async (_, record) => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.configure({ leaverRules: LONG });
    rig.people.set([...record, ...others()]);
    await round(rig);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 30 * 86_400_000 });
    try {
      expect((await round(rig)).calls).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
    expect(await stages(rig)).toEqual({ E1: 'grace' });
    rig.configure({ leaverRules: { graceMs: { missing: 300, inactive: 300, outOfScope: 300 } } });
    const [{ since } = { since: 0 }] = await rig.ledger.leavers.all();
    while ((await rig.ledger.now()) < since + 300) await sleep(20);
    expect((await round(rig)).calls).toEqual([PATCH]);
    expect(inOmni(rig).inactive).toEqual([1]);
  });

  it('who left while the read went on has their whole grace', async () => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.configure({ leaverRules: LONG });
    rig.people.set(others());
    let left = Number.NaN;
    rig.people.before = async () => {
      await sleep(20);
      left = await rig.ledger.now();
    };
    await round(rig);
    expect((await rig.ledger.leavers.all())[0]?.since).toBeGreaterThanOrEqual(left);
  });

  it('who is back within the grace costs no call, and leaves afresh the next time', async () => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.configure({ leaverRules: LONG });
    rig.people.set(others());
    await round(rig);
    const [first] = await rig.ledger.leavers.all();
    rig.people.set(crowd(4));
    expect((await round(rig)).calls).toEqual([]);
    expect(await stages(rig)).toEqual({});
    rig.people.set(others());
    await round(rig);
    expect((await rig.ledger.leavers.all())[0]?.since).toBeGreaterThan(first?.since ?? Number.NaN);
    expect(rig.calls()).toEqual([]);
  });

  it('who is back before the worker comes to them stays', async () => {
    const rig = await rigWith();
    await leaverDue(rig);
    rig.people.set(crowd(4));
    expect((await round(rig)).calls).toEqual([]);
    await expectLedgerRight(rig);
    expect(inOmni(rig).inactive).toEqual([]);
  });

  it('who is back as another cause of absence leaves once', async () => {
    const rig = await rigWith();
    await leaverDue(rig);
    rig.people.set([person(1, { status: 'left' }), ...others()]);
    expect((await round(rig)).calls).toEqual([PATCH]);
    await expectLedgerRight(rig);
  });

  it('is deleted where that is the action', async () => {
    const rig = await rigWith();
    rig.configure({ leaving: { action: 'delete' } });
    await leaverDue(rig);
    await rig.drain();
    expect(rig.calls()).toEqual([DELETE]);
    expect(inOmni(rig)).toEqual({ active: [2, 3, 4], inactive: [] });
    expect((await round(rig)).calls).toEqual([]);
    await expectLedgerRight(rig);
  });

  it.each([
    ['deactivate', PATCH],
    ['delete', DELETE],
  ] as const)('whose account is gone already is done (%s)', async (action, call) => {
    const rig = await rigWith();
    rig.configure({ leaving: { action } });
    await leaverDue(rig);
    const [link] = await rig.links();
    await rig.omni.deleteUser(link?.omniId ?? '');
    rig.calls();
    await rig.drain();
    expect(rig.calls()).toEqual([call]);
    expect(await aside(rig)).toEqual({});
    expect((await round(rig)).calls).toEqual([]);
    await expectLedgerRight(rig);
  });

  it('is left alone in Omni where nobody linked the account', async () => {
    const rig = await rigWith();
    rig.sandbox.seed([{ userName: 'somebody@else.example', displayName: 'Somebody Else' }]);
    await leaverDue(rig);
    await rig.drain();
    const others = rig.sandbox.state().users.filter(({ userName }) => userName.startsWith('somebody'));
    expect(others).toMatchObject([{ active: true, displayName: 'Somebody Else' }]);
  });
});

describe('a policy other than full', () => {
  it.each(['create', 'upsert'] as const)('takes nobody away and remembers nobody: %s', async (policy) => {
    const rig = await rigWith({ rules: { policy } });
    await leaverDue(rig);
    await rig.drain();
    expect(rig.calls()).toEqual([]);
    expect(await stages(rig)).toEqual({});
  });

  it('that came after the reconcile keeps the person, and ends the grace', async () => {
    const rig = await rigWith();
    await leaverDue(rig);
    rig.configure({ rules: { policy: 'upsert' } });
    await rig.drain();
    expect(rig.calls()).toEqual([]);
    await round(rig);
    expect(await stages(rig)).toEqual({});
    rig.configure({ rules: { policy: 'full' }, leaverRules: LONG });
    expect((await round(rig)).calls).toEqual([]);
    expect(await stages(rig)).toEqual({ E1: 'grace' });
  });

  it('ends the grace after an incomplete read, too', async () => {
    const rig = await rigWith();
    await leaverDue(rig);
    rig.configure({ rules: { policy: 'upsert' } });
    rig.people.pages([others()], true);
    await round(rig);
    expect(await stages(rig)).toEqual({});
  });
});

describe('protection', () => {
  it.each([
    ['an address', 'P1@acme.example'],
    ['an id', 'E1'],
    ['an expression', 'name == "Person 1"'],
  ])('by %s keeps the person, inactive or gone', async (_, protect) => {
    const rig = await rigWith({ mapping: { protect: [protect] } });
    await employ(rig, 4);
    rig.people.set([person(1, { status: 'left' }), ...others()]);
    expect((await round(rig)).calls).toEqual([]);
    rig.people.set(others());
    expect((await round(rig)).calls).toEqual([]);
    expect(inOmni(rig).inactive).toEqual([]);
    expect((await rig.links())[0]).toMatchObject({ sourceId: 'E1', protected: true });
  });

  it.each([
    ['an address', 'p1@acme.example'],
    ['an id', 'E1'],
  ])('by %s that was written when the record was gone keeps them', async (_, protect) => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.people.set(others());
    rig.configure({ mapping: { protect: [protect] } });
    expect((await round(rig)).calls).toEqual([]);
    expect(await stages(rig)).toEqual({});
  });

  it('by an expression that was written when they were out already holds when the record goes', async () => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.configure({ mapping: { protect: ['name == "Person 1"'] } });
    rig.people.set([person(1, { status: 'left' }), ...others()]);
    expect((await round(rig)).calls).toEqual([]);
    rig.people.set(others());
    expect((await round(rig)).calls).toEqual([]);
    expect(inOmni(rig).inactive).toEqual([]);
  });

  it('that an inactive person has no more lets them go', async () => {
    const rig = await rigWith({ mapping: { protect: ['E1'] } });
    await employ(rig, 4);
    rig.configure({ mapping: { protect: [] } });
    rig.people.set([person(1, { status: 'left' }), ...others()]);
    expect((await round(rig)).calls).toEqual([PATCH]);
  });

  it('that came after the reconcile keeps them', async () => {
    const rig = await rigWith();
    await leaverDue(rig);
    rig.configure({ mapping: { protect: ['E1'] } });
    await rig.drain();
    expect(rig.calls()).toEqual([]);
    await expectLedgerRight(rig);
  });

  it('by an operator keeps them, before the reconcile and after it', async () => {
    const rig = await rigWith();
    await leaverDue(rig);
    await rig.ledger.leavers.keep([await refOf(rig, 'E1')]);
    await rig.drain();
    expect((await round(rig)).calls).toEqual([]);
    expect(await stages(rig)).toEqual({});
    expect(inOmni(rig).inactive).toEqual([]);
  });
});

describe('a removal that waits for another turn after a 429', () => {
  const CHANGES = [
    [
      'is back',
      async (rig: Rig) => {
        rig.people.set(crowd(4));
        await rig.reconcile();
      },
      // It is not known what came of the first: all that is wanted is written.
      PATCH,
    ],
    ['is kept', async (rig: Rig) => rig.ledger.leavers.keep([await refOf(rig, 'E1')]), GET],
  ] as const;

  it.each(CHANGES)('is not sent again for who %s meanwhile', async (_, change, next) => {
    const rig = await rigWith();
    await leaverDue(rig);
    const headers = { 'Retry-After': '4' };
    rig.sandbox.fault({ method: 'PATCH', times: 1, fault: { kind: 'status', status: 429, headers } });
    const draining = rig.drain();
    await expect.poll(() => rig.sandbox.calls().some(({ status }) => status === 429)).toBe(true);
    await change(rig);
    await draining;
    expect(rig.calls()).toEqual([PATCH, next]);
    expect(rig.sandbox.calls().filter(({ removed }) => removed)).toEqual([]);
    await round(rig);
    expect(inOmni(rig)).toEqual({ active: [1, 2, 3, 4], inactive: [] });
    expect(await aside(rig)).toEqual({});
    await expectLedgerRight(rig);
  });

  it('is sent again where nothing has changed', async () => {
    const rig = await rigWith();
    await leaverDue(rig);
    const headers = { 'Retry-After': '1' };
    rig.sandbox.fault({ method: 'PATCH', times: 1, fault: { kind: 'status', status: 429, headers } });
    await rig.drain();
    expect(rig.calls()).toEqual([PATCH, PATCH]);
    expect(inOmni(rig)).toEqual({ active: [2, 3, 4], inactive: [1] });
    await expectLedgerRight(rig);
  });
});

describe('the hook before a removal', () => {
  const http = createHttp({ timeoutMs: 2_000, userAgent: 'test' });
  let close: (() => void) | undefined;
  afterEach(() => {
    close?.();
    close = undefined;
  });

  /** A server that answers `status`, and what it got. */
  async function receiver(status: () => number): Promise<{ url: string; bodies: string[] }> {
    const bodies: string[] = [];
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      bodies.push(body);
      response.writeHead(status()).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    close = () => void server.close();
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, bodies };
  }

  it('gets the ids, and its failure keeps that person alone (URL)', async () => {
    const rig = await rigWith();
    let refuse = true;
    const { url, bodies } = await receiver(() => (refuse && bodies.length === 1 ? 500 : 204));
    rig.configure({ leaving: { before: removalHook({ url }, http.send) } });
    await employ(rig, 6);
    rig.people.set(crowd(6).slice(2));
    expect((await round(rig)).calls).toEqual([PATCH]);
    expect(Object.values(await aside(rig))).toEqual(['leaver.before']);
    expect(inOmni(rig).inactive).toHaveLength(1);
    expect(Object.keys(JSON.parse(bodies[0] ?? '')).sort()).toEqual(['cause', 'omniId', 'sourceId']);
    // It is not asked again before somebody says so.
    for (let again = 0; again < 2; again++) expect((await round(rig)).calls).toEqual([]);
    expect(bodies).toHaveLength(2);
    refuse = false;
    await rig.ledger.quarantine.release((await rig.ledger.quarantine.all()).map(({ ref }) => ref));
    expect((await round(rig)).calls).toEqual([PATCH]);
    expect(inOmni(rig).inactive).toEqual([1, 2]);
    await expectLedgerRight(rig);
  });

  it('is not asked again and again for somebody who is inactive', async () => {
    const rig = await rigWith();
    const { url, bodies } = await receiver(() => 500);
    rig.configure({ leaving: { before: removalHook({ url }, http.send) } });
    await employ(rig, 4);
    rig.people.set([person(1, { status: 'left' }), ...others()]);
    for (let again = 0; again < 3; again++) expect((await round(rig)).calls).toEqual([]);
    expect(bodies).toHaveLength(1);
    expect(await aside(rig)).toEqual({ E1: 'leaver.before' });
  });

  it('may be a command, which reads the ids', async () => {
    const rig = await rigWith();
    await leaverDue(rig);
    const folder = mkdtempSync(join(tmpdir(), 'hook-'));
    const file = join(folder, 'got.json');
    const script = `require('fs').writeFileSync(${JSON.stringify(file)}, require('fs').readFileSync(0))`;
    rig.configure({
      leaving: { before: removalHook({ command: [process.execPath, '-e', script] }, http.send) },
    });
    await rig.drain();
    expect(rig.calls()).toEqual([PATCH]);
    const [link] = await rig.links();
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      sourceId: 'E1',
      omniId: link?.omniId,
      cause: 'missing',
    });
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['ends with 3', [process.execPath, '-e', 'process.exit(3)'] as const],
    ['is not there', ['/no/such/program'] as const],
  ])('keeps the person where the command %s', async (_, command) => {
    const rig = await rigWith();
    await leaverDue(rig);
    rig.configure({ leaving: { before: removalHook({ command }, http.send) } });
    await rig.drain();
    expect(rig.calls()).toEqual([]);
    expect(await aside(rig)).toEqual({ E1: 'leaver.before' });
  });

  it('is cut off with the process, and nobody is blamed', async () => {
    const rig = await rigWith();
    await leaverDue(rig);
    const ending = new AbortController();
    const before = removalHook(
      { command: [process.execPath, '-e', 'setTimeout(() => {}, 60000)'] },
      http.send,
    );
    rig.configure({
      leaving: {
        before: (leaver, signal) => {
          setTimeout(() => ending.abort(), 50);
          return before(leaver, signal);
        },
      },
    });
    await handleOnce(rig, ending.signal);
    expect(rig.calls()).toEqual([]);
    expect(await aside(rig)).toEqual({});
    expect(await rig.ledger.outbox.size()).toBe(1);
  });

  it('may take long: a person who is back by its end stays', async () => {
    const rig = await rigWith();
    await leaverDue(rig);
    rig.configure({
      leaving: {
        before: async () => {
          rig.people.set(crowd(4));
          await rig.reconcile();
        },
      },
    });
    await rig.drain();
    expect(rig.calls()).toEqual([]);
    await expectLedgerRight(rig);
  });

  /** Handles one job with `signal`, then leaves the queue as it is. */
  async function handleOnce(rig: Rig, signal: AbortSignal): Promise<void> {
    const token = 'token';
    const job = await rig.worker.getNextJob(token, { block: false });
    if (job === undefined) throw new Error('no job waits');
    const { rules, leaving } = rig.deps();
    const { ledger, omni, events, budget } = rig;
    await handleApplyJob(
      { job, token, spending: spendFrom(budget, undefined) },
      { ledger, omni, rules, leaving, events, signal },
    );
  }
});

describe('a death in the middle of a removal', () => {
  const STEPS = ['apply.taken', 'apply.intent', 'apply.answered', 'apply.committed'];

  it.each(STEPS)('at %s ends with the account taken away', async (step) => {
    const rig = await rigWith();
    await leaverDue(rig);
    await dieAt(rig, step);
    await rig.drain();
    expect((await round(rig)).calls.filter((call) => call !== PATCH)).toEqual([]);
    expect(inOmni(rig)).toEqual({ active: [2, 3, 4], inactive: [1] });
    await expectLedgerRight(rig);
  });

  it.each(STEPS)('at %s of a deletion ends with the account deleted once', async (step) => {
    const rig = await rigWith();
    rig.configure({ leaving: { action: 'delete' } });
    await leaverDue(rig);
    await dieAt(rig, step);
    await rig.drain();
    expect(inOmni(rig)).toEqual({ active: [2, 3, 4], inactive: [] });
    expect(rig.sandbox.state().deleted).toHaveLength(1);
    await expectLedgerRight(rig);
  });

  it.each(STEPS)('at %s ends with an active account where the person is back', async (step) => {
    const rig = await rigWith();
    await leaverDue(rig);
    await dieAt(rig, step);
    rig.people.set(crowd(4));
    await round(rig);
    await round(rig);
    expect(inOmni(rig)).toEqual({ active: [1, 2, 3, 4], inactive: [] });
    await expectLedgerRight(rig);
  });

  it.each(STEPS)('at %s is found out about where an operator keeps the person', async (step) => {
    const rig = await rigWith();
    await leaverDue(rig);
    await dieAt(rig, step);
    await rig.ledger.leavers.keep([await refOf(rig, 'E1')]);
    await rig.drain();
    // Where a removal may have been sent, one look at the account says what came of it.
    const looks = rig.calls().filter((call) => call === GET).length;
    expect(looks).toBe(step === 'apply.intent' || step === 'apply.answered' ? 1 : 0);
    await expectLedgerRight(rig);
    rig.people.set(crowd(4));
    await round(rig);
    expect(inOmni(rig)).toEqual({ active: [1, 2, 3, 4], inactive: [] });
  });

  it('is found out about where the account is gone, and again where Omni did not say', async () => {
    const rig = await rigWith();
    rig.configure({ leaving: { action: 'delete' } });
    await leaverDue(rig);
    await dieAt(rig, 'apply.answered');
    await rig.ledger.leavers.keep([await refOf(rig, 'E1')]);
    rig.sandbox.fault({ method: 'GET', times: 1, fault: { kind: 'status', status: 400 } });
    await rig.drain();
    expect((await rig.links())[0]?.state).toBe('active');
    await rig.ledger.quarantine.release((await rig.ledger.quarantine.all()).map(({ ref }) => ref));
    await round(rig);
    expect((await rig.links())[0]?.state).toBe('deactivated');
    await expectLedgerRight(rig);
  });
});

describe('an update that was broken off before its person was gone', () => {
  it('is not believed, and the person leaves as others do', async () => {
    const rig = await rigWith();
    await employ(rig, 4);
    rig.configure({ leaverRules: LONG });
    rig.people.set([person(1, { name: 'Renamed' }), ...others()]);
    await rig.reconcile();
    await dieAt(rig, 'apply.answered');
    rig.people.set(others());
    await round(rig);
    rig.people.set(crowd(4));
    await round(rig);
    const [first] = rig.sandbox.state().users.filter(({ userName }) => userName.startsWith('p1@'));
    expect(first).toMatchObject({ active: true, displayName: 'Person 1' });
    await expectLedgerRight(rig);
  });
});

describe('a removal that Omni does not carry out', () => {
  it('is a failure of that person alone where it is refused', async () => {
    const rig = await rigWith();
    await leaverDue(rig);
    rig.sandbox.fault({ method: 'PATCH', times: 1, fault: { kind: 'status', status: 400 } });
    await rig.drain();
    expect(Object.keys(await aside(rig))).toEqual(['E1']);
    expect(inOmni(rig).inactive).toEqual([]);
  });

  it('is told where the answer shows the account as active still', async () => {
    const rig = await rigWith();
    await leaverDue(rig);
    const [link] = await rig.links();
    const { id, userName, displayName } =
      rig.sandbox.state().users.find((one) => one.id === link?.omniId) ?? {};
    const body = { schemas: [], id, userName, displayName, active: true };
    rig.sandbox.fault({ method: 'PATCH', times: 1, fault: { kind: 'status', status: 200, body } });
    await rig.drain();
    expect(await aside(rig)).toEqual({ E1: 'omni.stays-active' });
    expect((await rig.links())[0]?.state).toBe('active');
  });
});
