/** The verbs leavers, approve and keep, as an operator uses them when many left at once. */
import { describe, expect } from 'vitest';
import { it, type Journey, somePeople } from '../support/journey.ts';

interface Leavers {
  readonly held: number;
  readonly digest: string | null;
  readonly leavers: readonly { readonly sourceId: string; readonly stage: string; readonly ref: string }[];
}

async function leavers(journey: Journey): Promise<Leavers> {
  const { code, stdout } = await journey.cli('leavers', '--json');
  expect(code).toBe(0);
  const [shown] = (JSON.parse(stdout) as { syncs: Leavers[] }).syncs;
  if (shown === undefined) throw new Error('no sync');
  return shown;
}

function inactive(journey: Journey): string[] {
  const gone = journey.sandbox.state().users.filter(({ active }) => !active);
  return gone.map(({ userName }) => userName).sort();
}

/** Twenty people of whom twelve are gone, which the guard holds. */
async function manyGone(install: (people: ReturnType<typeof somePeople>) => Promise<Journey>) {
  const journey = await install(somePeople(20));
  journey.configure(
    (yaml) => `${yaml.replace('policy: upsert', 'policy: full')}    leavers: { grace: 0s }\n`,
  );
  expect((await journey.cli('run')).code).toBe(0);
  journey.people(somePeople(8));
  expect((await journey.cli('run')).code).toBe(0);
  return journey;
}

describe.concurrent('the verbs for leavers', () => {
  it('show who is held and why, and let go whom the operator names, of the set that was shown', async ({
    install,
  }) => {
    const journey = await manyGone(install);
    expect(inactive(journey)).toEqual([]);
    const { held, digest, leavers: all } = await leavers(journey);
    expect({ held, shown: all.length }).toEqual({ held: 12, shown: 12 });
    const text = (await journey.cli('leavers')).stdout;
    expect(text).toContain('12 people left or changed their id at once, the limit is 5 in 24 hours (of 20)');
    expect(text).toContain(`--digest ${digest}`);

    const wrong = await journey.cli('approve', '--all', '--digest', 'wrong');
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain('look again');
    const nobody = await journey.cli('approve', 'E1', '--digest', digest ?? '');
    expect(nobody.code).toBe(2);

    // By sourceId, by ref, and by address.
    const ref = all.find(({ sourceId }) => sourceId === 'E9')?.ref ?? '';
    const named = await journey.cli('approve', 'E8', ref, 'PERSON.10@example.com', '--digest', digest ?? '');
    expect(named).toMatchObject({ code: 0 });
    expect(named.stdout).toContain('3 people are approved, 9 stay held');
    expect((await journey.cli('run')).code).toBe(0);
    expect(inactive(journey)).toEqual([
      'person.10@example.com',
      'person.8@example.com',
      'person.9@example.com',
    ]);

    // The rest is another set now, and so is one that somebody has come back from.
    expect((await journey.cli('approve', '--all', '--digest', digest ?? '')).code).not.toBe(0);
    const rest = await leavers(journey);
    expect(rest.held).toBe(9);
    journey.people([...somePeople(8), ...somePeople(20).slice(15, 16)]);
    await journey.cli('run');
    expect((await journey.cli('approve', '--all', '--digest', rest.digest ?? '')).code).not.toBe(0);
    expect(inactive(journey)).toHaveLength(3);
  });

  it('let 3 of 500 go, keep the rest, and refuse an old approval', async ({ install }) => {
    const company = somePeople(1000);
    const journey = await install(company, { requestsPerMinute: 60_000 });
    journey.sandbox.seed(company.map(({ email, name }) => ({ userName: email, displayName: name })));
    journey.configure(
      (yaml) => `${yaml.replace('policy: upsert', 'policy: full')}    leavers: { grace: 0s }\n`,
    );
    const run = async () => expect((await journey.cli('run')).code).toBe(0);
    await run();
    journey.people(company.slice(500));
    await run();
    const { held, digest } = await leavers(journey);
    expect(held).toBe(500);
    // Somebody is back: what was shown is not what would be let go.
    journey.people(company.slice(499));
    await run();
    const refused = await journey.cli('approve', '--all', '--digest', digest ?? '');
    expect(refused.code).not.toBe(0);
    const now = await leavers(journey);
    expect(now.held).toBe(499);
    expect((await journey.cli('approve', 'E1', 'E2', 'E3', '--digest', now.digest ?? '')).code).toBe(0);
    await run();
    await run();
    expect((await leavers(journey)).held).toBe(496);
    const removed = journey.sandbox.calls().filter((call) => call.removed);
    expect(removed.map(({ userName }) => userName).sort()).toEqual(
      [1, 2, 3].map((n) => `person.${n}@example.com`),
    );
  });

  it('keep a person for good', async ({ install }) => {
    const journey = await manyGone(install);
    expect((await journey.cli('keep')).code).toBe(2);
    expect((await journey.cli('keep', 'E1')).code).toBe(2);
    expect((await journey.cli('keep', 'E8', 'person.9@example.com')).code).toBe(0);
    await journey.cli('run');
    const { held, digest } = await leavers(journey);
    expect(held).toBe(10);
    expect((await journey.cli('approve', '--all', '--digest', digest ?? '')).code).toBe(0);
    await journey.cli('run');
    expect(inactive(journey)).toHaveLength(10);
    expect(inactive(journey)).not.toContain('person.8@example.com');
    expect(inactive(journey)).not.toContain('person.9@example.com');
  });
});
