import fc from 'fast-check';
import { Attribute, Change } from 'ldapts';
import { afterEach, describe, expect, it } from 'vitest';
import type { Directory } from '../../directory/directory.ts';
import { type LdapOptions, openLdap } from '../../directory/ldap.ts';
import { nextWatermark } from '../../directory/ldap-timestamps.ts';
import { describeChanges, readAllOf, readSince, watermarkOf } from '../contract/changes.ts';
import { readAll } from '../contract/directory.ts';
import { type Slapd, startSlapd } from '../support/slapd.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** People p0, p1, …, who were changed last on a day of 2020. */
function ldif(count: number): string {
  const entries = Array.from({ length: count }, (_, n) => [
    `dn: uid=p${n},ou=people,dc=example,dc=test`,
    'objectClass: inetOrgPerson',
    `uid: p${n}`,
    'cn: Ann',
    'sn: Person',
    'modifyTimestamp: 20200102030405Z',
    '',
  ]);
  return `${entries.flat().join('\n')}\n`;
}

async function company(count: number, config = ''): Promise<Slapd> {
  const server = await startSlapd({ ldif: ldif(count), config });
  closers.push(() => server.stop());
  return server;
}

function openAt(server: Slapd, more: Partial<LdapOptions> = {}): Directory {
  return openLdap({
    type: 'ldap',
    url: server.url,
    bindDn: server.readerDn,
    bindPassword: server.readerPassword,
    baseDn: server.peopleDn,
    fields: ['uid', 'sn'],
    pageSize: 3,
    changes: 'modifyTimestamp',
    ...more,
  });
}

const dnOf = (server: Slapd, n: number) => `uid=p${n},${server.peopleDn}`;

async function change(server: Slapd, n: number, sn: string): Promise<void> {
  const modification = new Attribute({ type: 'sn', values: [sn] });
  await server.asRoot((client) =>
    client.modify(dnOf(server, n), new Change({ operation: 'replace', modification })),
  );
}

const uids = (records: readonly { readonly uid?: unknown }[]) => records.map(({ uid }) => uid).sort();

describeChanges('openLdap with changes: modifyTimestamp', async (count) => {
  const server = await company(count);
  return {
    directory: openAt(server),
    id: ({ uid }) => String(uid),
    change: (n, sn) => change(server, n, sn),
    hire: (n) =>
      server.asRoot((client) =>
        client.add(dnOf(server, n), { objectClass: 'inetOrgPerson', uid: `p${n}`, cn: 'Ann', sn: 'New' }),
      ),
    remove: (n) => server.asRoot((client) => client.del(dnOf(server, n))),
  };
});

describe('openLdap with changes: modifyTimestamp', () => {
  it('reads the few who changed, and nobody again once the overlap is over', async () => {
    const server = await company(2000);
    const directory = openAt(server, { pageSize: 500 });
    const watermark = await watermarkOf(directory);
    await change(server, 1234, 'Changed');
    const { records } = await readSince(directory, watermark);
    expect(uids(records)).toEqual(['p1234']);
    expect((await readSince(directory, '20990102030405.0Z')).records).toEqual([]);
  });

  it('goes ten minutes back', async () => {
    const directory = openAt(await company(3));
    expect((await readSince(directory, '20200102031405.0Z')).records).toHaveLength(3);
    expect((await readSince(directory, '20200102031406.0Z')).records).toHaveLength(0);
  });

  it('does not see who is deleted, nor who left the filter', async () => {
    const server = await company(3);
    const directory = openAt(server, { filter: '(sn=Person)' });
    const watermark = await watermarkOf(directory);
    await change(server, 0, 'Left');
    await server.asRoot((client) => client.del(dnOf(server, 1)));
    expect(await readSince(directory, watermark)).toMatchObject({ records: [], gone: [] });
    expect(uids(await readAll(directory))).toEqual(['p2']);
  });

  it('sees who comes into the filter, and who moves into the base', async () => {
    const server = await company(3);
    await server.asRoot(async (client) => {
      const ou = `ou=sales,${server.peopleDn}`;
      await client.add(ou, { objectClass: 'organizationalUnit', ou: 'sales' });
    });
    const filtered = openAt(server, { filter: '(sn=Wanted)' });
    const sales = openAt(server, { baseDn: `ou=sales,${server.peopleDn}` });
    const [first, second] = [await watermarkOf(filtered), await watermarkOf(sales)];
    await change(server, 0, 'Wanted');
    await server.asRoot((client) => client.modifyDN(dnOf(server, 1), `uid=p1,ou=sales,${server.peopleDn}`));
    expect(uids((await readSince(filtered, first)).records)).toEqual(['p0']);
    expect(uids((await readSince(sales, second)).records)).toEqual(['p1']);
  });

  it.each([
    ['is not shown', 'read'],
    ['may not be searched by', 'search'],
  ])('brings no watermark where the stamp %s to this account', async (_, right) => {
    const rights = right === 'read' ? 'none' : '=r';
    const server = await company(
      3,
      `access to attrs=modifyTimestamp by * ${rights}\naccess to * by users read by anonymous auth`,
    );
    const { records, next } = await readAllOf(openAt(server));
    expect(records).toHaveLength(3);
    expect(next).toMatchObject({ problem: expect.stringMatching(/modifyTimestamp.*changes to none/) });
  });

  it('has a watermark for nobody', async () => {
    const directory = openAt(await company(0));
    expect((await readSince(directory, await watermarkOf(directory))).records).toEqual([]);
  });

  it('has another basis for another server, base, filter or set of attributes, and the same for the same', async () => {
    const server = await company(0);
    const basisWith = (more: Partial<LdapOptions>) => openAt(server, more).changes?.basis;
    const bases = [
      {},
      { baseDn: server.baseDn },
      { filter: '(sn=*)' },
      { fields: ['uid'] },
      { url: server.ldapsUrl },
      { changes: 'dirSync' as const },
    ].map(basisWith);
    expect(new Set(bases).size).toBe(bases.length);
    expect(basisWith({ pageSize: 50 })).toBe(bases[0]);
  });

  it('tells no changes where it is not asked to', async () => {
    expect(openAt(await company(0), { changes: undefined })).not.toHaveProperty('changes');
  });
});

describe('nextWatermark', () => {
  const HOUR = 3600_000;
  const time = fc.integer({ min: 100 * 24 * HOUR, max: 10_000 * 24 * HOUR });
  const maybe = fc.option(time, { nil: undefined });

  it('is never after the read began, nor more than a day before it', () => {
    fc.assert(
      fc.property(time, maybe, maybe, (startedAt, newest, before) => {
        const next = nextWatermark({ startedAt, newest, before });
        expect(next).toBeLessThanOrEqual(startedAt);
        expect(next).toBeGreaterThanOrEqual(startedAt - 24 * HOUR);
      }),
    );
  });

  it('never goes back while our clock does not', () => {
    fc.assert(
      fc.property(time, maybe, fc.nat(), (startedAt, newest, later) => {
        const first = nextWatermark({ startedAt, newest, before: undefined });
        const next = nextWatermark({ startedAt: startedAt + later, newest, before: first });
        expect(next).toBeGreaterThanOrEqual(first);
      }),
    );
  });

  it('follows the stamps of a directory whose clock is behind ours', () => {
    const startedAt = 50_000 * HOUR;
    expect(nextWatermark({ startedAt, newest: startedAt - HOUR, before: undefined })).toBe(startedAt - HOUR);
    expect(nextWatermark({ startedAt, newest: startedAt + HOUR, before: undefined })).toBe(startedAt);
  });
});
