/** Syncs of policy full for tests of leavers and returners: rigs on one Redis, with rounds, deaths and a look at Omni. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { RunRecord } from '../../ledger/runs.ts';
import { handleApplyJob } from '../../worker/apply-job.ts';
import { spendFrom } from '../../worker/spending.ts';
import { crowd } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { createRig, type Rig, type RigOptions } from './rig.ts';

export const DELETE = 'DELETE /api/scim/v2/users/{id}';
export const GET = 'GET /api/scim/v2/users/{id}';

/** Starts a Redis for this file's tests, and gives what makes a sync on it, with no grace and a wide limit. */
export function rigsOfFile(): (options?: Partial<RigOptions>) => Promise<Rig> {
  let server: TestRedis;
  let rigs: Rig[] = [];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    await server.stop();
  });
  beforeEach(async () => {
    const client = server.client();
    await client.flushall();
    client.disconnect();
  });
  afterEach(async () => {
    for (const rig of rigs.reverse()) await rig.close();
    rigs = [];
  });
  return async (options = {}) => {
    const { rules, ...rest } = options;
    const rig = await createRig({ server, rules: { policy: 'full', ...rules }, ...rest });
    rig.configure({ leaverRules: { limit: { people: 1000 } } });
    rigs.push(rig);
    return rig;
  };
}

/** Puts persons 1 to `count` into Omni and the ledger, with nothing left to do. */
export async function employ(rig: Rig, count: number): Promise<void> {
  rig.people.set(crowd(count));
  await round(rig);
  rig.calls();
}

/** A reconcile and all that comes of it at once; returns the requests to Omni, with the run's record. */
export async function round(
  rig: Rig,
  about: Parameters<Rig['reconcile']>[0] = {},
): Promise<{ calls: string[]; run: RunRecord }> {
  const run = await rig.reconcile(about);
  await rig.drain();
  return { calls: rig.calls(), run };
}

/** Who is active in Omni and who is not: the numbers of their addresses, `p7@…` as 7. */
export function inOmni(rig: Rig): { active: number[]; inactive: number[] } {
  const numbers = (active: boolean) =>
    rig.sandbox
      .state()
      .users.filter((user) => user.active === active)
      .map(({ userName }) => Number(/\d+/.exec(userName)?.[0]))
      .sort((a, b) => a - b);
  return { active: numbers(true), inactive: numbers(false) };
}

/** The ledger believes of every account what is so, and nothing waits. */
export async function expectLedgerRight(rig: Rig): Promise<void> {
  const users = new Map(rig.sandbox.state().users.map((user) => [user.id, user]));
  const links = await rig.links();
  for (const { omniId, state, userName } of links) {
    const user = users.get(omniId);
    if (state === 'active') expect(user).toMatchObject({ active: true, userName });
    else expect(user?.active ?? false).toBe(false);
  }
  const linked = links.filter(({ state }) => state === 'active').map(({ omniId }) => omniId);
  expect(new Set(linked).size).toBe(linked.length);
  expect(await rig.ledger.outbox.size()).toBe(0);
}

export async function stages(rig: Rig): Promise<Record<string, string>> {
  const all = await rig.ledger.leavers.all();
  return Object.fromEntries(all.map(({ sourceId, stage }) => [sourceId, stage]).sort());
}

export async function aside(rig: Rig): Promise<Record<string, string>> {
  const all = await rig.ledger.quarantine.all();
  return Object.fromEntries(all.map(({ sourceId, code }) => [sourceId, code]).sort());
}

/** Lets the named ones go who are held. */
export async function approve(rig: Rig, ...sourceIds: string[]): Promise<void> {
  const all = await rig.ledger.leavers.all();
  await rig.ledger.leavers.approve(all.filter(({ sourceId }) => sourceIds.includes(sourceId)));
}

export async function refOf(rig: Rig, sourceId: string): Promise<string> {
  return (await rig.ledger.begin()).ref(sourceId);
}

/** The death of the process: nothing is written about it, and the job comes again. */
class Death extends Error {}

/** Applies the next job and dies at `step`; then the job comes again, as after the stalled check. */
export async function dieAt(rig: Rig, step: string): Promise<void> {
  rig.onStep = (at) => {
    if (at === step) throw new Death();
  };
  const token = randomUUID();
  const job = await rig.worker.getNextJob(token, { block: false });
  if (job === undefined) throw new Error('no job waits');
  const { omni, budget, events } = rig;
  const { rules, leaving } = rig.deps();
  // What a dead process would have written about its own death is not written.
  const quarantine = { ...rig.ledger.quarantine, put: () => Promise.reject(new Death()) };
  const deps = { ledger: { ...rig.ledger, quarantine }, omni, rules, leaving, events };
  const handling = handleApplyJob(
    { job, token, spending: spendFrom(budget, undefined) },
    { ...deps, signal: new AbortController().signal },
  );
  await expect(handling).rejects.toThrow(Death);
  rig.onStep = () => undefined;
  rig.setbacks.length = 0;
  await job.moveToWait(token);
}
