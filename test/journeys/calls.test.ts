/** How many requests Omni gets, by its own log: the lower bound, in each situation. */
import { describe, expect } from 'vitest';
import { it, type Journey, type Person, somePeople } from '../support/journey.ts';
import { expectInStep } from '../support/verdict.ts';

const REGION = { sandbox: { attributes: [{ name: 'region' }] }, users: 'attributes: { region: office }' };

/** The requests of one run, counted by method. */
async function callsOfRun(journey: Journey): Promise<Record<string, number>> {
  journey.sandbox.clearCalls();
  const { code, stdout, stderr } = await journey.cli('run', '--json');
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const counts: Record<string, number> = {};
  for (const { method } of journey.sandbox.calls()) counts[method] = (counts[method] ?? 0) + 1;
  const [status] = (
    JSON.parse(stdout) as { syncs: { run: { calls: number }; inStep: number; waiting: number }[] }
  ).syncs;
  expect(status?.run.calls).toBe(journey.sandbox.calls().length);
  return counts;
}

function existing(people: readonly Person[]) {
  return people.map(({ email, name }) => ({ userName: email, displayName: name }));
}

describe.concurrent('the calls of a run', () => {
  it('are one list page and one POST for each of N new people, then none', async ({ install }) => {
    const people = somePeople(30);
    const journey = await install(people);
    expect(await callsOfRun(journey)).toEqual({ GET: 1, POST: 30 });
    expectInStep(journey.sandbox, people);
    expect(await callsOfRun(journey)).toEqual({});
  });

  it('are 50 list pages for 5,000 people who are in Omni, without mapped attributes', async ({ install }) => {
    const people = somePeople(5_000);
    const journey = await install(people);
    journey.sandbox.seed(existing(people));
    expect(await callsOfRun(journey)).toEqual({ GET: 50 });
    expect(await callsOfRun(journey)).toEqual({});
  });

  it('are the list pages and one PATCH each for people who are in Omni, with mapped attributes', async ({
    install,
  }) => {
    const people = somePeople(130, { office: 'Oslo' });
    const journey = await install(people, REGION);
    journey.sandbox.seed(existing(people));
    // Two pages, and the attribute definitions once a day.
    expect(await callsOfRun(journey)).toEqual({ GET: 3, PATCH: 130 });
    expect(await callsOfRun(journey)).toEqual({});
  });

  it('are the list pages alone under the policy create, whatever is mapped', async ({ install }) => {
    const people = somePeople(130, { office: 'Oslo' });
    const journey = await install(people, { ...REGION, policy: 'create' });
    journey.sandbox.seed(existing(people));
    expect(await callsOfRun(journey)).toEqual({ GET: 2 });
    expect(await callsOfRun(journey)).toEqual({});
  });

  it('are one PATCH for one changed person, with what changed alone', async ({ install }) => {
    const people = somePeople(20, { office: 'Oslo' });
    const journey = await install(people, REGION);
    await callsOfRun(journey);
    const moved = people.map((person, i) => (i === 7 ? { ...person, office: 'Rome' } : person));
    journey.people(moved);
    expect(await callsOfRun(journey)).toEqual({ PATCH: 1 });
    const user = journey.sandbox.state().users.find(({ userName }) => userName === people[7]?.email);
    expect(user?.attributes).toEqual({ region: 'Rome' });
    expect(await callsOfRun(journey)).toEqual({});
  });

  it('are one POST for one new hire once Omni is known', async ({ install }) => {
    const journey = await install(somePeople(10));
    await callsOfRun(journey);
    journey.people(somePeople(11));
    expect(await callsOfRun(journey)).toEqual({ POST: 1 });
  });

  it('are none for a leaver, who is counted and shown', async ({ install }) => {
    const journey = await install(somePeople(10));
    await callsOfRun(journey);
    journey.people(somePeople(9));
    expect(await callsOfRun(journey)).toEqual({});
    const { stdout } = await journey.cli('plan', '--json');
    const [plan] = (JSON.parse(stdout) as { syncs: { leavers: unknown[] }[] }).syncs;
    expect(plan?.leavers).toMatchObject([{ sourceId: 'E9', cause: 'missing' }]);
    expectInStep(journey.sandbox, somePeople(10));
  });
});
