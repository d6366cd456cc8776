/** A real slapd of 10,000 people, read in pages, into an Omni that was strict about it. */
import { describe, expect } from 'vitest';
import { it } from '../support/journey.ts';
import { startSlapd } from '../support/slapd.ts';
import { creations } from '../support/verdict.ts';

/** Every tenth is disabled; the last two share one address. */
const COUNT = 10_002;
const EXPECTED = COUNT - 1_000 - 2;

describe('a run from LDAP', () => {
  it('brings 10,000 people, and rejects by name the two with one address', async ({
    install,
    onTestFinished,
  }) => {
    const slapd = await startSlapd({ people: COUNT });
    onTestFinished(() => slapd.stop());
    const journey = await install([], { requestsPerMinute: 60_000 });
    journey.write('password', slapd.readerPassword);
    journey.configure((yaml) =>
      yaml
        .replace(
          'directory: { type: file, path: ./people.csv }',
          `directory: { type: ldap, url: "${slapd.url}", bindDn: "${slapd.readerDn}", bindPasswordFile: ./password, baseDn: "${slapd.baseDn}", pageSize: 500 }`,
        )
        .replace('id: id', 'id: entryUUID')
        .replace('userName: email', 'userName: mail')
        .replace('displayName: name', 'displayName: cn\n      active: employeeType != "disabled"'),
    );
    const { code, stdout, stderr } = await journey.cli('run', '--json');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const [status] = (JSON.parse(stdout) as { syncs: { run: Record<string, unknown>; inStep: number }[] })
      .syncs;
    expect(status).toMatchObject({
      inStep: EXPECTED,
      run: { read: COUNT, rejected: 2, complete: true, calls: EXPECTED + 1 },
    });
    expect(journey.sandbox.state().users).toHaveLength(EXPECTED);
    expect(creations(journey.sandbox).size).toBe(EXPECTED);
    const failed = await journey.cli('failed', '--json');
    const [stuck] = (JSON.parse(failed.stdout) as { syncs: { rejected: { code: string }[] }[] }).syncs;
    expect(stuck?.rejected.map((rejection) => rejection.code)).toEqual([
      'record.twin-userName',
      'record.twin-userName',
    ]);
    journey.sandbox.clearCalls();
    expect((await journey.cli('run')).code).toBe(0);
    expect(journey.sandbox.calls()).toEqual([]);
  });
});
