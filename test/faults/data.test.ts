/** What stands in the records themselves: giants, every script, addresses that several have. Rows 49 to 51 of the matrix. */
import { describe, expect } from 'vitest';
import { it, somePeople } from '../support/journey.ts';
import { readLedger } from '../support/ledger.ts';
import { expectInvariants } from './invariants.ts';

const PEOPLE = somePeople(20);

describe.concurrent('a directory with', () => {
  it.for([300_000, 1_000_000])(
    'a name of %i characters, too large for Omni is rejected by name, and harms nobody',
    async (length, { install }) => {
      const giant = { id: 'G', email: 'giant@example.com', name: 'x'.repeat(length) };
      const journey = await install([...PEOPLE.slice(0, 10), giant, ...PEOPLE.slice(10)]);
      expect((await journey.cli('run')).code).toBe(0);
      expect((await journey.cli('failed')).stdout).toContain('rejected: record.too-large');
      expectInvariants({ sandbox: journey.sandbox, people: PEOPLE, ledger: await readLedger(journey) });
    },
  );

  it('people of every script are written once, as they are, and never again', async ({ install }) => {
    const names = [
      'İpek Işık',
      'Zoe\u0308 in NFD',
      'Zoë in NFC',
      'مريم',
      '👩🏽‍🚀 Ada',
      'Straße',
      'Σίσυφος',
      'O’Brien',
      '"quoted"\'',
      '١٢٣',
    ];
    const people = names.map((name, at) => ({
      id: `U${at}`,
      email: `Mixed.Case.${at}@Example.com`,
      name: name.replaceAll('"', ''),
    }));
    const journey = await install(people);
    expect((await journey.cli('run')).code).toBe(0);
    expectInvariants({ sandbox: journey.sandbox, people, ledger: await readLedger(journey) });
    journey.sandbox.clearCalls();
    expect((await journey.cli('run')).code).toBe(0);
    expect(journey.sandbox.calls()).toEqual([]);
    const lower = people.map((person) => ({ ...person, email: person.email.toLowerCase() }));
    journey.people(lower);
    expect((await journey.cli('run')).code).toBe(0);
    // An address in another case is the same one, and is not written again.
    expect(journey.sandbox.calls()).toEqual([]);
    expectInvariants({ sandbox: journey.sandbox, people, ledger: await readLedger(journey) });
  });

  it('people who share an address in changing order touches neither, run after run', async ({ install }) => {
    const twins = ['A', 'B'].map((id) => ({ id, email: 'shared@example.com', name: `Twin ${id}` }));
    const journey = await install([...twins, ...PEOPLE]);
    for (const order of [twins, [...twins].reverse(), twins]) {
      journey.people([...order, ...PEOPLE]);
      expect((await journey.cli('run')).code).toBe(0);
    }
    expectInvariants({ sandbox: journey.sandbox, people: PEOPLE, ledger: await readLedger(journey) });
    expect(journey.sandbox.calls().filter(({ method }) => method !== 'GET')).toHaveLength(PEOPLE.length);
  });
});
