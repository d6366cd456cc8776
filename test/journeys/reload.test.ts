/** A service that takes over another configuration while it works: nothing stale is sent, nobody is lost, nothing broken is believed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect } from 'vitest';
import { it, type Journey, somePeople } from '../support/journey.ts';
import { expectLedgerEqual } from '../support/ledger.ts';
import { endInOrder, listen, until } from '../support/service.ts';
import { creations, expectInStep } from '../support/verdict.ts';

const RELOADED = 'the configuration was reloaded';
const REFUSED = 'the configuration is refused; the old one goes on';

/** Ticks every second. */
const OFTEN = 'schedule: "* * * * * *"\n    policy:';

async function converged(journey: Journey, people: ReturnType<typeof somePeople>): Promise<void> {
  const wanted = people.map(({ name }) => name).sort();
  const names = () =>
    journey.sandbox
      .state()
      .users.map(({ displayName }) => displayName)
      .sort();
  await until(() => isDeepStrictEqual(names(), wanted));
}

describe.concurrent('a reload', () => {
  it('under load sends nobody as the old mapping had them, and loses none', async ({ install }) => {
    const people = somePeople(60);
    const journey = await install(people, { requestsPerMinute: 600 });
    const service = journey.start('start');
    const said = listen(service);
    while (creations(journey.sandbox).size < 10) await sleep(10);
    journey.configure((yaml) => yaml.replace('displayName: name', `displayName: '"New " + name'`));
    service.child.kill('SIGHUP');
    const { time: reloaded } = await said(RELOADED);
    const renamed = people.map((person) => ({ ...person, name: `New ${person.name}` }));
    await converged(journey, renamed);
    await endInOrder(service);

    expectInStep(journey.sandbox, renamed);
    await expectLedgerEqual(journey, people);
    expect([...creations(journey.sandbox).values()].every((count) => count === 1)).toBe(true);
    // Who was created before is changed, who was not is created as wanted now: one call each, and none for a stale state.
    const after = journey.sandbox.calls().filter(({ time }) => time >= String(reloaded));
    const touched = after.filter(({ method }) => method !== 'GET').length;
    expect(touched).toBe(people.length);
  });

  it('of a broken file is refused with every fault, and the old configuration goes on', async ({
    install,
  }) => {
    const journey = await install(somePeople(3));
    journey.configure((yaml) => yaml.replace('policy:', OFTEN));
    const service = journey.start('start');
    const said = listen(service);
    await said('started');
    journey.write('omni-sync.yaml', 'syncs:\n  - name: ACME\n    polcy: upsert\n');
    const { faults } = (await said(REFUSED)) as { faults: { path: string }[] };
    expect(faults.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['syncs[0].name', 'syncs[0].polcy']),
    );
    journey.people(somePeople(5));
    await converged(journey, somePeople(5));
    await endInOrder(service);
  });

  it('of another scope takes nobody away whom the guard holds', async ({ install }) => {
    const people = somePeople(20).map((person, i) => ({ ...person, office: i < 3 ? 'Oslo' : 'Bergen' }));
    const journey = await install(people);
    journey.configure((yaml) =>
      `${yaml.replace('policy: upsert', 'policy: full')}    leavers: { grace: 0s }\n`.replace(
        'policy:',
        OFTEN,
      ),
    );
    const service = journey.start('start');
    const said = listen(service);
    await converged(journey, people);
    journey.configure((yaml) =>
      yaml.replace('displayName: name', `displayName: name\n      where: office == "Oslo"`),
    );
    service.child.kill('SIGHUP');
    await said(RELOADED);
    const held = async () => {
      const { stdout } = await journey.cli('leavers', '--json');
      return (JSON.parse(stdout) as { syncs: { held: number }[] }).syncs[0]?.held;
    };
    await until(async () => (await held()) === 17);
    await endInOrder(service);
    expect(journey.sandbox.state().users.filter(({ active }) => !active)).toEqual([]);
  });

  it('adds a sync, ends one, and says what only a restart takes over', async ({ install }) => {
    const journey = await install(somePeople(2));
    journey.configure((yaml) => yaml.replace('policy:', OFTEN));
    const service = journey.start('start');
    const said = listen(service);
    await converged(journey, somePeople(2));
    const others = somePeople(5).slice(3);
    journey.write(
      'others.csv',
      `id,email,name\n${others.map(({ id, email, name }) => `${id},${email},${name}`).join('\n')}\n`,
    );
    // Seen without a signal, since the file has changed.
    journey.configure(
      (yaml) =>
        `${yaml.replace('name: acme', 'name: other').replace('people.csv', 'others.csv').replace('127.0.0.1:0', '127.0.0.1:8788')}`,
    );
    const line = await said(RELOADED);
    expect(line).toMatchObject({ added: ['other'], removed: ['acme'], changed: [] });
    const restart = await said('these sections changed too: they are taken over by a restart');
    expect(restart).toMatchObject({ sections: ['server'] });
    journey.people(somePeople(3));
    await converged(journey, [...somePeople(2), ...others]);
    await sleep(2_000);
    await endInOrder(service);
    expectInStep(journey.sandbox, [...somePeople(2), ...others]);
  });
});
