/** The memory carried over: out of one Redis, into another, by the real program against a sandbox Omni. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { it, type Journey, somePeople } from '../support/journey.ts';
import { readLedger } from '../support/ledger.ts';

const PEOPLE = somePeople(40, { office: 'Berlin' });
const REGION = { sandbox: { attributes: [{ name: 'region' }] }, users: 'attributes: { region: office }' };

const pathOf = (journey: Journey, name = 'links.ndjson') => join(journey.folder, name);

async function exported(journey: Journey): Promise<string> {
  expect(await journey.cli('links', 'export', '--out', pathOf(journey))).toMatchObject({
    code: 0,
    stderr: '',
  });
  return readFileSync(pathOf(journey), 'utf8');
}

/** Another Redis, and no note of the one before. */
const loseRedis = (journey: Journey) =>
  rmSync(join(journey.folder, 'data'), { recursive: true, force: true });

const importing = (journey: Journey, ...words: string[]) =>
  journey.cli('links', 'import', pathOf(journey), ...words);

const sorted = async (journey: Journey) =>
  (await readLedger(journey)).links.toSorted((a, b) => (a.sourceId < b.sourceId ? -1 : 1));

describe.concurrent('omni-sync links', () => {
  it('carries everybody to another Redis: the next run lists Omni and writes nothing', async ({
    install,
  }) => {
    const journey = await install(PEOPLE, REGION);
    expect((await journey.cli('run')).code).toBe(0);
    const before = await sorted(journey);
    expect(before[0]?.provenance).toBe('created');
    const text = await exported(journey);
    expect(statSync(pathOf(journey)).mode & 0o777).toBe(0o600);
    expect(text).not.toMatch(/Berlin|Person Number/);
    expect((await journey.cli('links', 'export')).stdout.split('\n').toSorted()).toEqual(
      text.split('\n').toSorted(),
    );
    loseRedis(journey);
    const dry = await importing(journey, '--dry-run');
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('40 would be added') });
    expect((await readLedger(journey)).links).toEqual([]);
    expect(await importing(journey)).toMatchObject({ code: 0, stdout: expect.stringContaining('40 added') });
    expect(await sorted(journey)).toEqual(before);
    const calls = journey.sandbox.calls().length;
    expect((await journey.cli('run')).code).toBe(0);
    expect(
      journey.sandbox
        .calls()
        .slice(calls)
        .map(({ method }) => method),
    ).toEqual(['GET']);
    expect(await sorted(journey)).toEqual(before);
    expect((await journey.cli('audit', '--since', '1h')).stdout).toMatch(/import .* done .*cli:.*40 links/);
    const again = await importing(journey, '--json');
    expect(JSON.parse(again.stdout)).toEqual({ name: 'acme', read: 40, added: 0, known: 40, left: [] });
  });

  it('keeps whom an operator kept, and takes nobody away for an import', async ({ install }) => {
    const journey = await install(PEOPLE.slice(0, 6));
    journey.configure((yaml) =>
      yaml.replace('policy: upsert', 'policy: full\n    leavers: { grace: 7d, limit: 50% }'),
    );
    expect((await journey.cli('run')).code).toBe(0);
    journey.people(PEOPLE.slice(2, 6));
    expect((await journey.cli('run')).code).toBe(0);
    expect((await journey.cli('keep', 'E1')).code).toBe(0);
    await exported(journey);
    loseRedis(journey);
    expect((await importing(journey)).code).toBe(0);
    expect((await journey.cli('run')).code).toBe(0);
    const { stdout } = await journey.cli('leavers', '--json');
    const [{ kept, leavers }] = JSON.parse(stdout).syncs;
    expect(kept).toMatchObject([{ sourceId: 'E1' }]);
    expect(leavers).toMatchObject([{ sourceId: 'E0', stage: 'grace' }]);
    expect(journey.sandbox.state().users.every(({ active }) => active)).toBe(true);
  });

  it('refuses by name what contradicts the ledger, and writes nothing then', async ({ install }) => {
    const journey = await install(PEOPLE.slice(0, 3));
    expect((await journey.cli('run')).code).toBe(0);
    const before = await sorted(journey);
    const lines = (await exported(journey)).split('\n');
    const swapped = lines.map((line) =>
      line.replace('"sourceId":"E1"', '"sourceId":"E8"').replace(/^(.*"E2".*"omniId":").{8}/, '$100000000'),
    );
    const extra = {
      sourceId: 'E9',
      omniId: '0f000000-0000-4000-8000-000000000001',
      userName: 'new@a.example',
    };
    swapped.splice(1, 0, JSON.stringify(extra));
    writeFileSync(pathOf(journey), swapped.join('\n').replace('"links":3', '"links":4'));
    const { code, stderr } = await importing(journey);
    expect(code).toBe(1);
    expect(stderr).toMatch(/E8: account \S+ is E1's here/);
    expect(stderr).toMatch(/E2: is linked to account/);
    expect(stderr).not.toMatch(/E9|example/);
    expect(await sorted(journey)).toEqual(before);
    expect((await importing(journey, '--dry-run')).code).toBe(1);
  });

  it('refuses a file that is cut off, edited wrongly, of another Omni or of another directory', async ({
    install,
  }) => {
    const journey = await install(PEOPLE.slice(0, 3));
    expect((await journey.cli('run')).code).toBe(0);
    const text = await exported(journey);
    loseRedis(journey);
    const lines = text.split('\n');
    const refused: readonly [string, RegExp][] = [
      ['', /is empty/],
      [lines.slice(1).join('\n'), /line 1: it is no file of links/],
      [lines.slice(0, 3).join('\n'), /cut off/],
      [text.slice(0, -3), /line 5: it is no JSON object[\s\S]*cut off/],
      [[...lines.slice(0, 2), ...lines.slice(1)].join('\n'), /line 3: sourceId: line 2 has it too/],
      [text.replace('"links":3', '"links":2'), /its end counts 2 links, and there are 3/],
      [text.replace(/"omniHost":"[^"]*"/, '"omniHost":"other.example"'), /accounts of other\.example/],
      [text.replace('file people.csv', 'file staff.csv'), /the directory was file staff\.csv .*--rebind/],
    ];
    for (const [wrong, message] of refused) {
      writeFileSync(pathOf(journey), wrong);
      expect(await importing(journey)).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
    }
    expect((await readLedger(journey)).links).toEqual([]);
    expect((await importing(journey, '--rebind')).code).toBe(0);
    expect((await readLedger(journey)).links).toHaveLength(3);
  });

  it('says how to mend wrong words and files', async ({ install }) => {
    const journey = await install(PEOPLE.slice(0, 1));
    const missing = await journey.cli('links', 'import', join(journey.folder, 'none'));
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be read (ENOENT)') });
    const nowhere = await journey.cli('links', 'export', '--out', join(journey.folder, 'no', 'file'));
    expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be written (ENOENT)') });
    expect((await journey.cli('links', 'import')).stderr).toContain('name the file');
    expect((await journey.cli('links', 'move')).code).toBe(2);
  });

  it('is killed in the middle and done again', async ({ install }) => {
    const people = somePeople(12_000);
    const journey = await install(people.slice(0, 1));
    expect((await journey.cli('run')).code).toBe(0);
    const [head = '', one = ''] = (await exported(journey)).split('\n');
    const omniIdOf = (n: number) => `0f000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
    const rows = people.map(({ id, email }, n) =>
      JSON.stringify({ ...JSON.parse(one), sourceId: id, userName: email, omniId: omniIdOf(n) }),
    );
    const text = [head, ...rows, '{"end":true,"links":12000}', ''].join('\n');
    writeFileSync(pathOf(journey), text);
    loseRedis(journey);
    const { child, ended } = journey.start('links', 'import', pathOf(journey));
    while ((await readLedger(journey)).links.length === 0 && child.exitCode === null);
    child.kill('SIGKILL');
    expect((await ended).signal).toBe('SIGKILL');
    const kept = (await readLedger(journey)).links.length;
    expect(kept).toBeLessThan(12_000);
    let again = await importing(journey);
    // The lease of the killed one lasts for 10 s.
    while (again.stderr.includes('a reconcile runs')) again = await importing(journey);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('12000 links') });
    expect((await readLedger(journey)).links).toHaveLength(12_000);
  });
});
