/** What Omni and the network do wrong, one row of the fault list each: every person ends in Omni once, or set aside by name. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import type { Sandbox } from '../../sandbox/server.ts';
import { it, type Journey, somePeople } from '../support/journey.ts';
import { expectLedgerEqual } from '../support/ledger.ts';
import { until } from '../support/service.ts';
import { creations, expectInStep } from '../support/verdict.ts';

type Fault = Parameters<Sandbox['fault']>[0]['fault'];

const PEOPLE = somePeople(6);
const USERS = '/api/scim/v2/users';

async function expectConverged(journey: Journey, people = PEOPLE): Promise<void> {
  const { code, stderr } = await journey.cli('run');
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expectInStep(journey.sandbox, people);
  expect([...creations(journey.sandbox).values()].every((count) => count === 1)).toBe(true);
  await expectLedgerEqual(journey, people);
}

async function failures(journey: Journey): Promise<{ sourceId: string; code: string; until: string }[]> {
  const { stdout } = await journey.cli('failed', '--json');
  return (
    JSON.parse(stdout) as { syncs: { failed: { sourceId: string; code: string; until: string }[] }[] }
  ).syncs.flatMap(({ failed }) => failed);
}

/** Faults of one POST or list page after which nobody needs an operator. */
const HEALING: readonly [name: string, method: string, fault: Fault, times: number][] = [
  ['429 without Retry-After', 'POST', { kind: 'status', status: 429 }, 1],
  [
    '429 with Retry-After in seconds',
    'POST',
    { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
    1,
  ],
  [
    '429 with a negative Retry-After',
    'POST',
    { kind: 'status', status: 429, headers: { 'retry-after': '-5' } },
    1,
  ],
  ['500 to a POST', 'POST', { kind: 'status', status: 500 }, 2],
  ['503 to a POST that took effect', 'POST', { kind: 'status', status: 503, commit: true }, 1],
  ['503 to the list', 'GET', { kind: 'status', status: 503 }, 2],
  ['an answer that is dropped after the POST took effect', 'POST', { kind: 'dropAfterCommit' }, 2],
  ['a connection that is reset before the POST is read', 'POST', { kind: 'reset' }, 2],
  ['an answer cut in its middle', 'POST', { kind: 'cut' }, 1],
  ['an HTML page with status 200', 'POST', { kind: 'html', status: 200 }, 1],
  ['an HTML page with status 502', 'POST', { kind: 'html', status: 502 }, 1],
  ['an empty 201', 'POST', { kind: 'empty' }, 1],
  ['malformed JSON', 'POST', { kind: 'malformed' }, 1],
  ['an id of a wrong type', 'POST', { kind: 'wrongId' }, 1],
  ['a list page of malformed JSON', 'GET', { kind: 'malformed' }, 1],
];

describe.concurrent('a run that meets', () => {
  it.for(HEALING)('%s converges', async ([, method, fault, times], { install }) => {
    const journey = await install(PEOPLE);
    journey.sandbox.fault({ method, path: USERS, skip: method === 'POST' ? 1 : 0, times, fault });
    await expectConverged(journey);
  });

  it('an answer that drips past the deadline converges', async ({ install }) => {
    const journey = await install(PEOPLE, { timeout: '1s' });
    journey.sandbox.fault({ method: 'POST', path: USERS, times: 1, fault: { kind: 'drip', ms: 200 } });
    await expectConverged(journey);
  });

  it('an answer of 300 MiB converges', async ({ install }) => {
    const journey = await install(PEOPLE);
    journey.sandbox.fault({
      method: 'POST',
      path: USERS,
      times: 1,
      fault: { kind: 'huge', bytes: 300 * 1024 * 1024 },
    });
    await expectConverged(journey);
  });

  it('Retry-After sends nothing before its time', async ({ install }) => {
    const journey = await install(PEOPLE, { requestsPerMinute: 60 });
    journey.sandbox.fault({
      method: 'POST',
      path: USERS,
      skip: 2,
      times: 1,
      fault: { kind: 'status', status: 429, headers: { 'retry-after': '3' } },
    });
    await expectConverged(journey);
    const calls = journey.sandbox.calls();
    const refused = calls.findIndex(({ status }) => status === 429);
    const waited = (calls[refused + 1]?.at ?? 0) - (calls[refused]?.at ?? 0);
    expect(waited).toBeGreaterThan(2_900);
  });

  it.for([301, 302, 307, 308] as const)(
    'a redirect with %i sends nothing on, and sets the person aside',
    async (status, { install }) => {
      const journey = await install(PEOPLE);
      const location = `${journey.sandbox.url}/elsewhere`;
      journey.sandbox.fault({
        method: 'POST',
        path: USERS,
        times: 1,
        fault: { kind: 'redirect', status, location },
      });
      expect((await journey.cli('run')).code).toBe(1);
      expect(journey.sandbox.calls().filter(({ path }) => path.includes('elsewhere'))).toEqual([]);
      expect(await failures(journey)).toMatchObject([{ code: 'omni.redirect', until: 'change' }]);
    },
  );

  it('a 400 for one person sets that one aside by name, tries no more, and obeys retry', async ({
    install,
  }) => {
    const journey = await install(PEOPLE);
    const poison = { method: 'POST', path: USERS, userName: 'person.3@example.com' };
    journey.sandbox.fault({
      ...poison,
      fault: { kind: 'status', status: 400, body: '{"error":"bad","message":"no"}' },
    });
    const { code } = await journey.cli('run');
    expect(code).toBe(1);
    expectInStep(
      journey.sandbox,
      PEOPLE.filter(({ id }) => id !== 'E3'),
    );
    expect(await failures(journey)).toMatchObject([
      { sourceId: 'E3', code: 'omni.refused', until: 'change' },
    ]);
    journey.sandbox.clearCalls();
    await journey.cli('run');
    expect(journey.sandbox.calls()).toEqual([]);
    journey.sandbox.clearFaults();
    expect((await journey.cli('retry', 'E3')).code).toBe(0);
    await expectConverged(journey);
  });

  it('a 400 tries again once the desired state has changed', async ({ install }) => {
    const journey = await install(PEOPLE);
    journey.sandbox.fault({
      method: 'POST',
      path: USERS,
      userName: 'person.3@example.com',
      times: 1,
      fault: { kind: 'status', status: 400 },
    });
    expect((await journey.cli('run')).code).toBe(1);
    const mended = PEOPLE.map((person) => (person.id === 'E3' ? { ...person, name: 'Mended' } : person));
    journey.people(mended);
    await expectConverged(journey, mended);
  });

  it.for([401, 403] as const)(
    'a refused key stops after three calls, keeps the queue, and goes on with another key (%i)',
    async (status, { install }) => {
      const sandbox = { unknownKeyStatus: status };
      const journey = await install(PEOPLE, { requestsPerMinute: 120, sandbox });
      expect((await journey.cli('run')).code).toBe(0);
      journey.sandbox.revokeKey('omni-sandbox-key');
      const more = [...PEOPLE, ...somePeople(12).slice(6)];
      journey.people(more);
      journey.sandbox.clearCalls();
      const { code, stdout } = await journey.cli('run');
      expect(code).toBe(1);
      expect(stdout).toContain('halted');
      expect(journey.sandbox.calls().map((call) => call.status)).toEqual([status, status, status]);
      journey.sandbox.addKey('omni-sandbox-key-2');
      journey.configure((yaml) => yaml.replace('omni-sandbox-key', 'omni-sandbox-key-2'));
      await expectConverged(journey, more);
    },
  );

  it('a key that is rotated in its file goes on without a failure', async ({ install }) => {
    const journey = await install(somePeople(300), { requestsPerMinute: 1_200 });
    journey.write('key', 'omni-sandbox-key');
    journey.configure((yaml) => yaml.replace('apiKey: omni-sandbox-key', 'apiKeyFile: ./key'));
    const running = journey.start('run');
    while (creations(journey.sandbox).size < 10) await sleep(10);
    journey.sandbox.addKey('omni-sandbox-key-2');
    journey.write('key', 'omni-sandbox-key-2');
    // 5 s, and more for a machine that is short of time.
    await until(() => journey.sandbox.calls().some(({ key }) => key === 'key-2'), 20_000);
    journey.sandbox.revokeKey('omni-sandbox-key');
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expectInStep(journey.sandbox, somePeople(300));
  });

  it('an account deleted by hand is created anew by the same run', async ({ install }) => {
    const journey = await install(PEOPLE, { sandbox: { revokedPost: 'create' } });
    await expectConverged(journey);
    const gone = journey.sandbox.state().users.find(({ userName }) => userName === 'person.2@example.com');
    await fetch(`${journey.sandbox.url}${USERS}/${gone?.id}`, {
      method: 'DELETE',
      headers: { authorization: 'Bearer omni-sandbox-key' },
    });
    const renamed = PEOPLE.map((person) => (person.id === 'E2' ? { ...person, name: 'New Name' } : person));
    journey.people(renamed);
    expect((await journey.cli('run')).code).toBe(0);
    expectInStep(journey.sandbox, renamed);
  });

  it('an account that is in Omni already adopts it once Omni is known, and leaves it alone under adopt: never', async ({
    install,
  }) => {
    const journey = await install(PEOPLE);
    await expectConverged(journey);
    journey.sandbox.seed([{ userName: 'PERSON.6@example.com', displayName: 'Person Number 6' }]);
    journey.sandbox.seed([{ userName: 'person.7@example.com', displayName: 'Somebody' }]);
    journey.people(somePeople(7));
    expect((await journey.cli('run')).code).toBe(0);
    expect(creations(journey.sandbox).has('person.6@example.com')).toBe(false);
    journey.configure((yaml) => yaml.replace('policy: upsert', 'policy: upsert\n    adopt: never'));
    journey.people(somePeople(8));
    expect((await journey.cli('run')).code).toBe(1);
    expect(await failures(journey)).toMatchObject([{ sourceId: 'E7', code: 'omni.exists' }]);
    const other = journey.sandbox.state().users.find(({ userName }) => userName === 'person.7@example.com');
    expect(other?.displayName).toBe('Somebody');
  });
});
