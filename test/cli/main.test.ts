/** The program as an operator meets it: what it prints, and the status that it ends with. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { it, somePeople } from '../support/journey.ts';

const PEOPLE = somePeople(3);

describe.concurrent('omni-sync', () => {
  it('plans, runs, and then has nothing to do', async ({ install }) => {
    const journey = await install(PEOPLE);
    const plan = await journey.cli('plan', '--exit-code');
    expect(plan.code).toBe(3);
    expect(plan.stdout).toContain('3 create');
    expect(plan.stdout).toContain('person.1@example.com');
    expect(journey.sandbox.calls().map(({ method }) => method)).toEqual(['GET']);
    const run = await journey.cli('run');
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('acme: 3 in step, 0 waiting, 0 failed');
    const again = await journey.cli('plan', '--exit-code');
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('nothing to change');
  });

  it('takes a ref that begins with a dash for a person', async ({ install }) => {
    const journey = await install(PEOPLE);
    expect((await journey.cli('run')).code).toBe(0);
    for (const verb of ['explain', 'retry', 'keep']) {
      const { stdout, stderr } = await journey.cli(verb, '-Ab3defghijklmn_');
      expect(stdout + stderr).toContain('-Ab3defghijklmn_');
      expect(stderr).not.toContain('unknown option');
    }
  });

  it('prints one JSON document and nothing else with --json', async ({ install }) => {
    const journey = await install(PEOPLE);
    for (const verb of ['plan', 'run', 'status', 'check', 'failed']) {
      const { stdout, code } = await journey.cli(verb, '--json');
      expect({ verb, code }).toEqual({ verb, code: 0 });
      expect(() => JSON.parse(stdout)).not.toThrow();
    }
  });

  it('gives run --json in the promised shape, every count a number', async ({ install }) => {
    const journey = await install(PEOPLE);
    const { stdout } = await journey.cli('run', '--json');
    const [sync] = JSON.parse(stdout).syncs;
    expect(sync).toMatchObject({ name: 'acme', inStep: 3, waiting: 0, nextRun: expect.stringMatching(/Z$/) });
    expect(sync.run).toMatchObject({
      complete: true,
      read: 3,
      applied: 3,
      failed: 0,
      held: 0,
      rejected: 0,
      calls: 4,
    });
    const kinds = ['create', 'adopt', 'update', 'rename', 'deactivate', 'return', 'relink'];
    expect(Object.keys(sync.run.changes).sort()).toEqual([...kinds].sort());
    expect(Object.values(sync.run.changes).every((count) => typeof count === 'number')).toBe(true);
  });

  it('says how to mend what check finds', async ({ install }) => {
    const journey = await install(PEOPLE, {
      users: 'attributes: { regoin: office }',
      sandbox: { attributes: [{ name: 'region' }] },
    });
    const unknown = await journey.cli('check');
    expect(unknown.code).toBe(1);
    expect(unknown.stdout).toMatch(/FAIL {2}acme: Omni: .*regoin.*region/);
    journey.sandbox.revokeKey('omni-sandbox-key');
    const refused = await journey.cli('check');
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain('FAIL  acme: Omni:');
  });

  it('ends with 1 after an incomplete read, and says where it broke off', async ({ install }) => {
    const journey = await install(PEOPLE);
    writeFileSync(
      join(journey.folder, 'people.csv'),
      'id,email,name,office\nE0,person.0@example.com,Zero,\nE1,"per',
    );
    const { code, stdout } = await journey.cli('run');
    expect(code).toBe(1);
    expect(stdout).toMatch(/not complete.*line 3/);
    expect(journey.sandbox.state().users).toHaveLength(1);
  });

  it.for([
    ['an unknown verb', ['nope']],
    ['an unknown option', ['run', '--nope']],
    ['an unknown sync', ['run', '--sync', 'nope']],
    ['an unknown role', ['start', '--role', 'nope']],
    ['nobody named', ['retry']],
    ['somebody who is not stuck', ['retry', 'E1']],
  ] as const)('ends with 2 and one clear message for %s', async ([, args], { install }) => {
    const journey = await install(PEOPLE);
    const { code, stderr } = await journey.cli(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/nope|name the people|not stuck/);
    expect(stderr).not.toContain('    at ');
  });

  it.for([
    ['a missing file', (yaml: string) => yaml, /does not exist/, true],
    [
      'a wrong policy',
      (yaml: string) => yaml.replace('upsert', 'mirror'),
      /policy.*create.*upsert.*full/s,
      false,
    ],
    ['a misspelt key', (yaml: string) => yaml.replace('userName:', 'username:'), /userName/, false],
    [
      'plain http beyond loopback',
      (yaml: string) => yaml.replace('//127.0.0.1', '//omni.example'),
      /https/,
      false,
    ],
    [
      'a broken expression',
      (yaml: string) => yaml.replace('displayName: name', 'displayName: name +'),
      /users.*displayName/s,
      false,
    ],
    [
      'a dead Redis',
      (yaml: string) => `redis: { url: "redis://127.0.0.1:1" }\n${yaml}`,
      /Redis at 127\.0\.0\.1:1 does not answer/,
      false,
    ],
  ] as const)('ends with 2 and how to mend it for %s', async ([, change, message, gone], { install }) => {
    const journey = await install(PEOPLE);
    journey.configure(change);
    const { code, stderr } = await (gone ? journey.cli('run', '--config', 'gone.yaml') : journey.cli('run'));
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('    at ');
  });

  it('refuses a ledger that remembers another Omni until --rebind', async ({ install }) => {
    const journey = await install(PEOPLE);
    expect((await journey.cli('run')).code).toBe(0);
    journey.configure((yaml) => yaml.replace('//127.0.0.1', '//localhost'));
    const refused = await journey.cli('run');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('--rebind');
    expect((await journey.cli('run', '--rebind')).code).toBe(0);
    expect(journey.sandbox.state().users).toHaveLength(3);
  });
});
