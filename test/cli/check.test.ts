/** The verb `check`: it says what `plan` and `run` would, and says it of what cannot be opened too. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { ensureBuilt } from '../support/build.ts';
import { it, type Person, somePeople } from '../support/journey.ts';

const PEOPLE = somePeople(3);
const DEAD = (yaml: string) => `redis: { url: "redis://127.0.0.1:1" }\n${yaml}`;

describe.concurrent('omni-sync check', () => {
  it('counts people who share an address as plan does, and names the first', async ({ install }) => {
    const { cli, sandbox } = await install([
      ...PEOPLE,
      { id: 'E9', email: 'PERSON.2@example.com', name: 'X' },
    ]);
    const check = await cli('check');
    expect(check.stdout).toMatch(
      /pass {2}acme: directory: .* 2 in scope, .* 2 rejected; the first rejected: E2: another record has the same userName/,
    );
    expect(sandbox.calls().map(({ route }) => route)).not.toContain('/api/scim/v2/users');
    const plan = JSON.parse((await cli('plan', '--json')).stdout);
    expect(plan.syncs[0]).toMatchObject({ inScope: 2, rejected: [{ sourceId: 'E2' }, { sourceId: 'E9' }] });
  });

  it('says where a record without an id stands, as plan and failed do', async ({ install }) => {
    const { cli } = await install([...PEOPLE, { id: '', email: 'x@example.com', name: 'X' }]);
    const place = 'a record without an id (line 5)';
    expect((await cli('check')).stdout).toContain(`1 rejected; the first rejected: ${place}: id is empty`);
    expect((await cli('plan')).stdout).toContain(`rejected ${place}: id is empty`);
    await cli('run');
    expect((await cli('failed')).stdout).toContain(`${place} rejected: record.no-id`);
  });

  it('fails where the read is cut off, and where nobody is in scope', async ({ install }) => {
    const { cli, write } = await install(PEOPLE);
    write('people.csv', 'id,email,name,office\nE0,person.0@example.com,Zero,\nE1,"per');
    const cut = await cli('check');
    expect(cut.code).toBe(1);
    expect(cut.stdout).toMatch(/FAIL {2}acme: directory: .* 1 in scope.*line 3/);
    write('people.csv', 'id,email,name,office\n');
    const nobody = await cli('check');
    expect(nobody.code).toBe(1);
    expect(nobody.stdout).toMatch(/FAIL {2}acme: directory: .*; nobody would be in Omni/);
  });

  it.for([
    ['a Redis that is dead', DEAD, 'Redis', /Redis at 127\.0\.0\.1:1 does not answer/],
    [
      'a data folder that cannot be made',
      (yaml: string) => `dataDir: people.csv/data\n${yaml}`,
      'data folder',
      /people\.csv\/data cannot be made \(ENOTDIR\): .* set another dataDir/,
    ],
  ] as const)('says %s as a finding, in JSON too', async ([, change, what, detail], { install }) => {
    const { cli, configure } = await install(PEOPLE);
    configure(change);
    const plain = await cli('check');
    expect(plain.code).toBe(1);
    expect(plain.stdout).toMatch(/^pass {2}configuration: .*omni-sync\.yaml\nFAIL {2}/);
    const { stdout } = await cli('check', '--json');
    expect(JSON.parse(stdout)).toEqual({
      findings: [
        { what: 'configuration', ok: true, detail: expect.stringContaining('omni-sync.yaml') },
        { what, ok: false, detail: expect.stringMatching(detail) },
      ],
    });
    expect((await cli('run')).code).toBe(2);
  });

  it('says which values Omni would not take, and fails where it takes none', async ({ install }) => {
    const options = {
      sandbox: { attributes: [{ name: 'level', type: 'Number' as const }] },
      users: 'attributes: { level: office }',
    };
    const people = [...somePeople(2, { office: '7' }), { ...somePeople(3)[2], office: 'Oslo' }] as Person[];
    const { cli, people: put } = await install(people, options);
    const some = await cli('check');
    expect(some).toMatchObject({ code: 0 });
    expect(some.stdout).toMatch(
      /pass {2}acme: Omni: .*; level: 1 of 3 values would be left out, the first that of E2: it takes numbers alone/,
    );
    expect(some.stdout).not.toContain('Oslo');
    put(somePeople(2, { office: 'Oslo' }));
    const none = await cli('check');
    expect(none).toMatchObject({ code: 1, stdout: expect.stringMatching(/FAIL {2}acme: Omni: .*2 of 2/) });
    put(somePeople(2, { office: '' }));
    expect((await cli('check')).code).toBe(0);
  });

  it('says that there is no redis-server', async ({ install }) => {
    const { folder, configFile } = await install(PEOPLE);
    const args = [join(await ensureBuilt(), 'cli/main.js'), 'check', '--json', '--config', configFile];
    const env = { PATH: folder, OMNI_SYNC_DATA: join(folder, 'data') };
    const { stdout, code } = await promisify(execFile)(process.execPath, args, { env }).catch(
      (error) => error,
    );
    expect(code).toBe(1);
    expect(JSON.parse(stdout).findings).toMatchObject([
      { what: 'configuration', ok: true },
      { what: 'Redis', ok: false, detail: expect.stringContaining('found neither redis-server') },
    ]);
  });
});
