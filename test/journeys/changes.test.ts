/** A real slapd of 10,000 people that is asked every second who changed, by the service itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Attribute, Change } from 'ldapts';
import { describe, expect } from 'vitest';
import type { SyncStatus } from '../../ops/status.ts';
import { it, type Journey } from '../support/journey.ts';
import { type Slapd, startSlapd } from '../support/slapd.ts';

const COUNT = 10_000;
const LONG_AGO = 'modifyTimestamp: 20200102030405Z';
const SELDOM = '0 0 29 2 *';

/** People p0, p1, … who were changed last on a day of 2020. */
function people(): string {
  const entries = Array.from({ length: COUNT }, (_, n) => [
    `dn: uid=p${n},ou=people,dc=example,dc=test`,
    ...['objectClass: inetOrgPerson', `uid: p${n}`, `cn: Person ${n}`, 'sn: Person'],
    `mail: p${n}@example.test`,
    `${LONG_AGO}\n`,
  ]);
  return `${entries.flat().join('\n')}\n`;
}

function configure(journey: Journey, slapd: Slapd, schedules: string): void {
  journey.write('password', slapd.readerPassword);
  journey.configure((yaml) =>
    yaml
      .replace(
        /( +)directory: .*/,
        `$1${schedules}\n$1directory: { type: ldap, url: "${slapd.url}", bindDn: "${slapd.readerDn}", bindPasswordFile: ./password, baseDn: "${slapd.peopleDn}", filter: "(uid=*)", pageSize: 1000 }`,
      )
      .replace('id: id', 'id: entryUUID')
      .replace('userName: email', 'userName: mail')
      .replace('displayName: name', 'displayName: cn')
      .replace('policy: upsert', 'policy: full'),
  );
}

async function statusOf(journey: Journey): Promise<SyncStatus> {
  const { stdout } = await journey.cli('status', '--json');
  const [status] = (JSON.parse(stdout) as { syncs: SyncStatus[] }).syncs;
  if (status === undefined) throw new Error('no sync has a status');
  return status;
}

/** Looks until it is so. */
async function until(journey: Journey, isSo: (status: SyncStatus) => boolean): Promise<SyncStatus> {
  for (;;) {
    const status = await statusOf(journey);
    if (isSo(status)) return status;
    await sleep(200);
  }
}

const writes = (journey: Journey) => journey.sandbox.calls().filter(({ method }) => method !== 'GET').length;

describe('a service with both schedules', () => {
  it('makes one call of one change, reading just the few, and sees a deletion when everybody is read', async ({
    install,
    onTestFinished,
  }) => {
    const slapd = await startSlapd({ ldif: people() });
    onTestFinished(() => slapd.stop());
    const journey = await install([], { requestsPerMinute: 60_000 });
    configure(journey, slapd, `schedule: "* * * * * *"\n    fullSchedule: "${SELDOM}"`);
    journey.sandbox.seed(
      Array.from({ length: COUNT }, (_, n) => ({
        userName: `p${n}@example.test`,
        displayName: `Person ${n}`,
      })),
    );
    const first = await journey.cli('run', '--json');
    expect(first).toMatchObject({ code: 0 });
    expect(JSON.parse(first.stdout)).toMatchObject({
      syncs: [{ inStep: COUNT, run: { kind: 'full', read: COUNT, complete: true } }],
    });
    const service = journey.start('start');
    const quiet = await until(journey, ({ run }) => run?.kind === 'changes' && run.finishedAt !== null);
    expect(quiet).toMatchObject({ inStep: COUNT, run: { complete: true, problem: null, read: 0 } });
    expect(writes(journey)).toBe(0);

    const change = new Change({
      operation: 'replace',
      modification: new Attribute({ type: 'cn', values: ['Another Name'] }),
    });
    await slapd.asRoot((client) => client.modify(`uid=p77,${slapd.peopleDn}`, change));
    const moved = await until(journey, ({ run, waiting }) => run?.read === 1 && waiting === 0);
    expect(moved).toMatchObject({ inStep: COUNT, failed: 0, run: { kind: 'changes', complete: true } });
    const names = journey.sandbox.state().users.filter(({ displayName }) => displayName === 'Another Name');
    expect(names.map(({ userName }) => userName)).toEqual(['p77@example.test']);
    expect(writes(journey)).toBe(1);

    await slapd.asRoot((client) => client.del(`uid=p5,${slapd.peopleDn}`));
    const { id } = moved.run ?? {};
    const unaware = await until(journey, ({ run }) => run?.id !== id && run?.finishedAt !== null);
    expect(unaware).toMatchObject({ run: { kind: 'changes', leavers: 0, complete: true } });
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
    const whole = await journey.cli('run', '--json');
    expect(JSON.parse(whole.stdout)).toMatchObject({
      syncs: [{ inStep: COUNT - 1, run: { kind: 'full', read: COUNT - 1, leavers: 1 } }],
    });
    const { stdout } = await journey.cli('leavers', '--json');
    expect(stdout).toContain('missing');
    expect(writes(journey)).toBe(1);
  });
});
