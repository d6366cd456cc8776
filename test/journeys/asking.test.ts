/** The verbs leavers, approve, keep and status where accounts wait to be adopted. */
import { describe, expect } from 'vitest';
import { it, somePeople } from '../support/journey.ts';

const PEOPLE = somePeople(3);

describe('adopt: ask by the program', () => {
  it('lists, approves, keeps and takes back, and counts whose the accounts are', async ({ install }) => {
    const journey = await install(PEOPLE);
    journey.configure((yaml) => `${yaml}    adopt: ask\n`);
    journey.sandbox.seed([
      ...PEOPLE.slice(0, 2).map(({ email, name }) => ({ userName: email, displayName: name })),
      { userName: 'stranger@example.com', displayName: 'Stranger' },
    ]);
    const run = await journey.cli('run');
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('1 in step, 0 waiting, 0 failed');
    expect(run.stdout).toContain('2 people are held until you approve: `omni-sync leavers`');
    const shown = (await journey.cli('leavers')).stdout;
    expect(shown).toMatch(/adopt +E0 +person\.0@example\.com +[0-9a-f-]{36} +in Omni already +waits/);
    const digest = /approve --all --digest (\S+)`/.exec(shown)?.[1] ?? '';

    expect((await journey.cli('approve', '--all', '--digest', 'another')).code).toBe(1);
    expect((await journey.cli('keep', 'E1')).stdout).toContain('E1 is kept');
    const [{ changesDigest, changes }] = JSON.parse((await journey.cli('leavers', '--json')).stdout).syncs;
    expect(changesDigest).not.toBe(digest);
    expect(changes.map(({ answer }: { answer?: string }) => answer ?? null)).toEqual([null, 'kept']);
    const approved = await journey.cli('approve', '--all', '--digest', changesDigest);
    expect(approved.stdout).toContain('1 person is approved, 0 stay held');
    expect((await journey.cli('run')).stdout).toContain('1 adopt');

    expect((await journey.cli('keep', '--undo', 'person.1@example.com')).code).toBe(0);
    expect((await journey.cli('keep', '--undo', 'E1')).code).toBe(2);
    const status = await journey.cli('status');
    expect(status.stdout).toContain(
      'accounts: 1 created, 1 adopted, 0 protected, 0 taken away; 1 in Omni are nobody',
    );
    const [{ accounts }] = JSON.parse((await journey.cli('status', '--json')).stdout).syncs;
    expect(accounts).toEqual({ created: 1, adopted: 1, protected: 0, deactivated: 0, foreign: 1 });
  });
});
