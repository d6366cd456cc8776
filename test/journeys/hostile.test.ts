/** What somebody in the directory, or an Omni gone bad, may send to harm the daemon: in Nodes that have no `__proto__`, and in those that have. */
import { describe, expect } from 'vitest';
import { it, type Journey } from '../support/journey.ts';

const USERS = '/api/scim/v2/users';
const good = (n: number) => ({
  id: `E${n}`,
  email: `person.${n}@example.com`,
  name: `Person ${n}`,
  office: 'Hamburg',
});
const line = (record: object, more = '') => JSON.stringify(record).replace(/\}$/, `${more}}`);

/** A record of each kind that reaches for a prototype, between two that are as they should be. */
const RECORDS = [
  line(good(1)),
  line(good(2), ',"__proto__":{"active":false,"name":"polluted"}'),
  line(good(3), ',"constructor":{"prototype":{"polluted":true}}'),
  line({ ...good(4), id: '__proto__' }),
  line({ ...good(5), id: 'constructor', office: '__proto__' }),
  line({ ...good(6), name: { toString: 'x' } }),
  line({ ...good(7), name: '\u202e<script>alert(1)</script>{{7*7}}\u0000' }),
  line(good(8)),
];

function readFrom(journey: Journey, lines: readonly string[]): void {
  journey.write('people.ndjson', `${lines.join('\n')}\n`);
  journey.configure((yaml) => yaml.replace('./people.csv', './people.ndjson'));
}

const names = ({ sandbox }: Journey) => sandbox.state().users.map(({ userName }) => userName);

describe.concurrent('hostile input', () => {
  it.for([{}, { NODE_OPTIONS: '--disable-proto=delete' }])(
    'that reaches for prototypes harms nobody else, with %o',
    async (env, { install }) => {
      const journey = await install([], { env, users: 'attributes: { region: office }' });
      readFrom(journey, RECORDS);
      journey.sandbox.fault({
        method: 'POST',
        path: USERS,
        userName: 'person.8@example.com',
        times: 1,
        fault: {
          kind: 'status',
          status: 500,
          commit: true,
          body: '{"__proto__":{"message":"x"},"error":{"constructor":{"prototype":{"kind":"bug"}}}}',
        },
      });
      const { code, stderr } = await journey.cli('run');
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(stderr).not.toMatch(/TypeError|ReferenceError/);
      for (const n of [1, 8]) expect(names(journey)).toContain(`person.${n}@example.com`);
      // Those with a field of such a name, or a name that is none, are told by their place; an id is any text.
      const failed = await journey.cli('failed', '--json');
      const { rejected } = (JSON.parse(failed.stdout) as { syncs: { rejected: unknown[] }[] }).syncs[0] ?? {};
      expect([names(journey).length + (rejected?.length ?? 0), rejected?.length]).toEqual([
        8,
        expect.any(Number),
      ]);
      const calls = journey.sandbox.calls().length;
      expect((await journey.cli('run')).code).toBe(0);
      expect(journey.sandbox.calls().length).toBe(calls);
    },
  );

  it.for([
    ['a value of 10 MB', line({ ...good(2), office: 'x'.repeat(10_000_000) })],
    ['nesting a thousand deep', line(good(2), `,"deep":${'['.repeat(1_000)}${']'.repeat(1_000)}`)],
  ])('of %s takes nobody away, and is told by its line', async ([, hostile], { install }) => {
    const journey = await install([]);
    journey.configure((yaml) => yaml.replace('policy: upsert', 'policy: full'));
    readFrom(journey, [line(good(1)), line(good(2)), line(good(3))]);
    expect((await journey.cli('run')).code).toBe(0);
    journey.write('people.ndjson', `${[line({ ...good(1), name: 'Person 1 Jr' }), hostile].join('\n')}\n`);
    const { code, stderr, stdout } = await journey.cli('run');
    expect(code).toBe(1);
    expect(stderr + stdout).toMatch(/line 2|record/);
    expect((stderr + stdout).length).toBeLessThan(20_000);
    expect(journey.sandbox.state().users.filter(({ active }) => active)).toHaveLength(3);
    const { stdout: leavers } = await journey.cli('leavers');
    expect(leavers).not.toContain('E3');
  });

  it('of a hundred thousand groups for an attribute is rejected alone', async ({ install }) => {
    const journey = await install([], { users: 'attributes: { region: groups }' });
    const groups = Array.from({ length: 100_000 }, (_, i) => `g${i}`);
    readFrom(journey, [line(good(1)), line({ ...good(2), groups }), line(good(3))]);
    const { code, stderr } = await journey.cli('run');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(names(journey).toSorted()).toEqual(['person.1@example.com', 'person.3@example.com']);
    const { stdout } = await journey.cli('failed');
    expect(stdout).toContain('E2');
    expect(stdout.length).toBeLessThan(5_000);
  });
});
