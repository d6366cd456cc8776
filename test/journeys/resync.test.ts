/** A service runs; an operator asks it from another process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { it, type Journey, somePeople } from '../support/journey.ts';

const PEOPLE = somePeople(6);

/** Starts the service and waits until everyone is in Omni. */
async function serving(journey: Journey, count = PEOPLE.length) {
  // A tick of its schedule would bring everybody in step.
  journey.configure((yaml) => yaml.replace('policy:', 'schedule: "0 0 1 1 *"\n    policy:'));
  const service = journey.start('start');
  while (journey.sandbox.state().users.length < count) await sleep(50);
  while ((await journey.cli('status')).code !== 0) await sleep(200);
  return service;
}

function names(journey: Journey): string[] {
  return journey.sandbox.state().users.map(({ displayName }) => displayName);
}

describe.concurrent('a manual resync', () => {
  it('of one person brings that one in step, and says so', async ({ install }) => {
    const journey = await install(PEOPLE);
    await serving(journey);
    journey.people(PEOPLE.map((one) => ({ ...one, name: `${one.name} II` })));
    const { code, stdout } = await journey.cli('resync', '--user', 'person.3@example.com', '--wait');
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('It is done') });
    expect(names(journey).filter((name) => name.endsWith('II'))).toEqual(['Person Number 3 II']);
    const whole = await journey.cli('resync', '--wait');
    expect(whole).toMatchObject({ code: 0, stdout: expect.stringContaining('6 in step') });
    expect(names(journey).every((name) => name.endsWith('II'))).toBe(true);
  });

  it('explains who cannot be brought in step', async ({ install }) => {
    const journey = await install(PEOPLE);
    await serving(journey);
    journey.people([...PEOPLE.slice(1), { id: 'X', email: 'no address', name: 'X' }]);
    const rejected = await journey.cli('resync', '--user', 'X', '--wait');
    expect(rejected).toMatchObject({ code: 1, stdout: expect.stringContaining('cannot become a person') });
    const gone = await journey.cli('resync', '--user', 'E0', '--wait');
    expect(gone).toMatchObject({ code: 1, stdout: expect.stringContaining('no proof') });
    const nobody = await journey.cli('resync', '--user', 'nobody', '--wait');
    expect(nobody).toMatchObject({ code: 1, stdout: expect.stringContaining('nobody is called nobody') });
  });

  it('does not hang where the sync is paused', async ({ install }) => {
    const journey = await install(PEOPLE);
    await serving(journey);
    await journey.cli('pause');
    journey.people(PEOPLE.map((one) => ({ ...one, name: `${one.name} II` })));
    const { code, stdout } = await journey.cli('resync', '--user', 'E1', '--wait');
    expect({ code, stdout }).toMatchObject({ code: 1, stdout: expect.stringContaining('paused') });
    const { stdout: told } = await journey.cli('explain', 'E1');
    expect(told).toContain('next: The waiting change is sent once somebody says `omni-sync resume`');
    const { stdout: stands } = await journey.cli('status');
    expect(stands).toMatch(/1 waiting/);
    expect(stands).not.toContain('all applied in about');
  });

  it('asks nothing where no service runs', async ({ install }) => {
    const journey = await install(PEOPLE);
    const { code, stdout } = await journey.cli('resync', '--user', 'E1', '--wait');
    expect({ code, stdout }).toMatchObject({ code: 1, stdout: expect.stringContaining('no service runs') });
  });
});

describe.concurrent('explain', () => {
  it('tells the whole story of a person, as text and as one document', async ({ install }) => {
    const users = 'where: office != "Paris" && office != null';
    const people = somePeople(2, { office: 'Berlin' });
    const journey = await install(people, { users });
    expect((await journey.cli('run')).code).toBe(0);
    const { code, stdout } = await journey.cli('explain', 'person.1@example.com');
    expect(code).toBe(0);
    for (const part of [
      'office = "Berlin"',
      '&& office != "Paris" → true',
      'userName: email → "person.1@example.com"',
      'created',
      'send create userName, displayName (wanted)',
      'answer: done (wanted)',
      'create userName, displayName',
      'next: Nothing: all is in step.',
    ])
      expect(stdout).toContain(part);
    journey.people([{ id: 'E1', email: 'person.1@example.com', name: 'One', office: 'Paris' }]);
    const { syncs } = JSON.parse((await journey.cli('explain', 'E1', '--json')).stdout);
    expect(syncs).toMatchObject([
      {
        sourceId: 'E1',
        mapping: { verdict: 'outOfScope', where: { value: false } },
        link: { state: 'active' },
      },
    ]);
    expect(syncs[0].next).toContain('the policy upsert takes nobody away');
    expect((await journey.cli('explain', 'nobody')).code).toBe(1);
  });
});
