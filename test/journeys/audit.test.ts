/** The audit record of a real installation: every write that Omni saw stands in it, whatever was killed when. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { AuditEntry } from '../../model/audit.ts';
import { it, type Journey, somePeople } from '../support/journey.ts';
import { killRunAtRandom } from '../support/kill-at-random.ts';

const PEOPLE = somePeople(30, { office: 'Berlin' });
const REGION = { sandbox: { attributes: [{ name: 'region' }] }, users: 'attributes: { region: office }' };

function recordFiles(journey: Journey): string[] {
  const folder = join(journey.folder, 'data', 'audit');
  return readdirSync(folder).flatMap((name) => (name.endsWith('.jsonl') ? [join(folder, name)] : []));
}

function recordText(journey: Journey): string {
  return recordFiles(journey)
    .map((file) => readFileSync(file, 'utf8'))
    .join('');
}

const recordsOf = (journey: Journey): AuditEntry[] =>
  recordText(journey)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as AuditEntry);

/** For each account, no more writes were carried out than are recorded as sent. */
function expectEveryWriteRecorded(journey: Journey): void {
  const emails = new Map(PEOPLE.map(({ id, email }) => [email, id]));
  const sends = recordsOf(journey).filter(({ did }) => did === 'send');
  const wrote = journey.sandbox.calls().filter(({ method, committed }) => method !== 'GET' && committed);
  expect(wrote.length).toBeGreaterThan(0);
  const count = (words: string[], word: string) => words.filter((one) => one === word).length;
  const sent = sends.map(({ call, sourceId, omniId }) => `${call} ${call === 'create' ? sourceId : omniId}`);
  const done = wrote.map(({ method, userName, id }) =>
    method === 'POST' ? `create ${emails.get(userName ?? '')}` : `update ${id}`,
  );
  for (const write of new Set(done)) expect(count(sent, write)).toBeGreaterThanOrEqual(count(done, write));
}

async function expectWhole(journey: Journey): Promise<void> {
  const { code, stdout } = await journey.cli('audit', 'verify');
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('whole') });
}

describe.concurrent('omni-sync audit', () => {
  it('tells every change with its run, its fields and who asked, and no address', async ({ install }) => {
    const journey = await install(PEOPLE.slice(0, 3), REGION);
    expect((await journey.cli('run')).code).toBe(0);
    const { stdout } = await journey.cli('audit', '--json');
    const [{ entries }] = (JSON.parse(stdout) as { syncs: [{ entries: AuditEntry[] }] }).syncs;
    const who = `cli:${userInfo().username}`;
    const run = entries.find(({ did }) => did === 'run');
    expect(run).toMatchObject({ who });
    const ofFirst = entries.filter(({ sourceId }) => sourceId === 'E0');
    const fields = ['userName', 'displayName', '@region'];
    const about = { run: run?.run, sync: 'acme' };
    expect(ofFirst.map(({ did }) => did)).toEqual(['send', 'answer', 'create']);
    expect(ofFirst[0]).toMatchObject({ ...about, call: 'create', fields, cause: 'wanted' });
    expect(ofFirst[1]).toMatchObject({ ...about, outcome: 'done', omniId: expect.any(String) });
    expect(ofFirst[2]).toMatchObject({ ...about, fields });
    expect(recordText(journey)).not.toMatch(/example\.com|Person Number|Berlin/);
    const person = await journey.cli('audit', '--person', 'person.1@example.com');
    expect(person.stdout.match(/send create/g)).toHaveLength(1);
    expect((await journey.cli('audit', '--since', '1h')).stdout).toContain('E2');
    expect((await journey.cli('audit', '--since', 'soon')).code).toBe(2);
    const nobody = await journey.cli('audit', '--person', 'nobody@example.com');
    expect(nobody).toMatchObject({ code: 0, stdout: 'acme: the audit record has nothing of this\n' });
    await expectWhole(journey);
  });

  it('tells the acts of operators, done and refused', async ({ install }) => {
    const journey = await install(PEOPLE.slice(0, 2));
    expect((await journey.cli('run')).code).toBe(0);
    await journey.cli('pause');
    await journey.cli('resume');
    await journey.cli('approve', '--all', '--digest', 'nothing');
    const acts = recordsOf(journey).filter(({ did, outcome }) => did !== 'answer' && outcome !== undefined);
    expect(acts.map(({ did, outcome }) => `${did} ${outcome}`)).toEqual([
      'pause done',
      'resume done',
      'approve approve.changed',
    ]);
    expect(acts.every(({ who }) => who === `cli:${userInfo().username}`)).toBe(true);
  });

  it('records values where that is wanted, and signs with the key of Redis', async ({ install }) => {
    const journey = await install(PEOPLE.slice(0, 1));
    journey.write('key', 'k'.repeat(40));
    journey.configure((yaml) => `${yaml}audit: { values: true }\nredis: { encryptionKeyFile: ./key }\n`);
    expect((await journey.cli('run')).code).toBe(0);
    expect(recordText(journey)).toContain('person.0@example.com');
    await expectWhole(journey);
    journey.write('key', 'y'.repeat(40));
    const { code, stdout } = await journey.cli('audit', 'verify');
    expect({ code, stdout }).toMatchObject({ code: 1, stdout: expect.stringContaining('unknownKey') });
  });

  it('finds what was altered and what was cut', async ({ install }) => {
    const journey = await install(PEOPLE.slice(0, 2));
    await journey.cli('run');
    const [file = ''] = recordFiles(journey);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('"E1"', '"E9"'));
    expect(await journey.cli('audit', 'verify')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('altered'),
    });
    writeFileSync(file, text.split('\n').slice(0, -2).join('\n').concat('\n'));
    expect(await journey.cli('audit', 'verify')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('cut'),
    });
  });

  it.for([
    ['an act', 'pause'],
    ['a run', 'run'],
  ] as const)('misses the last record of %s', async ([, verb], { install }) => {
    const journey = await install(PEOPLE.slice(0, 2));
    await journey.cli(verb);
    const [file = ''] = recordFiles(journey);
    writeFileSync(file, readFileSync(file, 'utf8').split('\n').slice(0, -2).join('\n').concat('\n'));
    expect(await journey.cli('audit', 'verify')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('cut'),
    });
  });

  it('goes on without a record that cannot be written, and says so, unless it is required', async ({
    install,
  }) => {
    const journey = await install(PEOPLE.slice(0, 2));
    await journey.cli('status');
    writeFileSync(join(journey.folder, 'data', 'audit'), 'in the way');
    journey.configure((yaml) => `${yaml}audit: { required: true }\n`);
    const refused = await journey.cli('pause');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('audit record') });
    journey.configure((yaml) => yaml.replace('required: true', 'required: false'));
    expect(await journey.cli('run')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('audit.failed'),
    });
  });
});

describe.concurrent('the audit record', () => {
  it.for([
    ['apply.intent', 5],
    ['apply.answered', 5],
    ['apply.committed', 5],
  ] as const)('has every write that Omni saw of a run killed at %s', async ([step, nth], { install }) => {
    const journey = await install(PEOPLE, REGION);
    expect((await journey.crashRun(step, nth).ended).signal).toBe('SIGKILL');
    expectEveryWriteRecorded(journey);
    expect((await journey.cli('run')).code).toBe(0);
    expectEveryWriteRecorded(journey);
    await expectWhole(journey);
  });

  it('has every write of runs that are killed at random moments, and stays whole', async ({ install }) => {
    const journey = await install(PEOPLE, REGION);
    for (let round = 0; round < 8; round++) {
      journey.people(PEOPLE.map((person) => ({ ...person, office: `Office ${round}` })));
      await killRunAtRandom(journey);
    }
    expect((await journey.cli('run')).code).toBe(0);
    expectEveryWriteRecorded(journey);
    await expectWhole(journey);
  });
});
