/** Reads of changes from a real Active Directory, which Samba is. */
import { Attribute, Change, type Client } from 'ldapts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Directory } from '../../directory/directory.ts';
import { type LdapOptions, openLdap } from '../../directory/ldap.ts';
import { compileMapping } from '../../plan/map.ts';
import { changesOf, describeChanges, readAllOf, readSince, watermarkOf } from '../contract/changes.ts';
import { readAll } from '../contract/directory.ts';
import { type Samba, startSamba } from '../support/samba.ts';
import { showDeletions } from '../support/samba-deletions.ts';
import { startSlapd } from '../support/slapd.ts';

let samba: Samba;
beforeAll(async () => {
  samba = await startSamba();
});
afterAll(() => samba?.stop());

let units = 0;

/** A unit of the domain with `count` people p0, p1, … */
async function company(count: number): Promise<string> {
  units += 1;
  const ou = `company${units}`;
  const baseDn = `OU=${ou},${samba.peopleDn}`;
  await samba.asAdmin(async (client) => {
    await client.add(baseDn, { objectClass: 'organizationalUnit', ou });
    for (let n = 0; n < count; n += 1) await hire(client, baseDn, n);
  });
  return baseDn;
}

async function hire(client: Client, baseDn: string, n: number): Promise<void> {
  await client.add(dnOf(baseDn, n), {
    objectClass: 'user',
    sAMAccountName: `u${units}p${n}`,
    employeeID: `p${n}`,
    mail: `p${n}@example.test`,
    sn: 'Person',
  });
}

const dnOf = (baseDn: string, n: number) => `CN=p${n},${baseDn}`;

function set(dn: string, type: string, values: string[]): Promise<void> {
  const change = new Change({ operation: 'replace', modification: new Attribute({ type, values }) });
  return samba.asAdmin((client) => client.modify(dn, change));
}

const remove = (dn: string) => samba.asAdmin((client) => client.del(dn));

function openAt(baseDn: string, more: Partial<LdapOptions> = {}): Directory {
  return openLdap({
    type: 'ldap',
    url: samba.url,
    bindDn: samba.readerDn,
    bindPassword: samba.readerPassword,
    baseDn,
    filter: '(&(objectCategory=person)(objectClass=user))',
    fields: ['objectGUID', 'employeeID', 'mail', 'sn', 'accountDisabled'],
    pageSize: 3,
    changes: 'dirSync',
    ...more,
  });
}

const ids = (records: readonly { readonly employeeID?: unknown }[]) =>
  records.map(({ employeeID }) => employeeID).sort();

describeChanges('openLdap with changes: dirSync', async (count) => {
  const baseDn = await company(count);
  return {
    directory: openAt(baseDn),
    id: ({ employeeID }) => String(employeeID),
    change: (n, sn) => set(dnOf(baseDn, n), 'sn', [sn]),
    hire: (n) => samba.asAdmin((client) => hire(client, baseDn, n)),
    remove: (n) => remove(dnOf(baseDn, n)),
  };
});

describe('openLdap with changes: dirSync', () => {
  it('gives who changed to an ordinary account, which deletions are not shown to', async () => {
    const baseDn = await company(2);
    const directory = openAt(baseDn);
    const watermark = await watermarkOf(directory);
    await set(dnOf(baseDn, 0), 'sn', ['Changed']);
    await remove(dnOf(baseDn, 1));
    const { records, gone } = await readSince(directory, watermark);
    expect(ids(records)).toEqual(['p0']);
    expect(gone).toEqual([]);
  });
});

describe('openLdap with changes: dirSync, where deletions are shown', () => {
  beforeAll(() => samba.asAdmin((client) => showDeletions(client, samba.rootDn, samba.readerDn)));

  it('gives just who changed and who is deleted, without a right to replicate', async () => {
    const baseDn = await company(5);
    const directory = openAt(baseDn);
    const { records: before, next } = await readAllOf(directory);
    const watermark = 'watermark' in next ? next.watermark : '';
    await set(dnOf(baseDn, 1), 'mail', ['new@example.test']);
    await remove(dnOf(baseDn, 2));
    const read = await readSince(directory, watermark);
    expect(ids(read.records)).toEqual(['p1']);
    expect({ ...read.records[0] }).toMatchObject({
      mail: 'new@example.test',
      sn: 'Person',
      accountDisabled: true,
    });
    const { objectGUID } = before.find(({ employeeID }) => employeeID === 'p2') ?? {};
    expect(read.gone.map((left) => ({ ...left }))).toEqual([{ objectGUID }]);
    expect(await readSince(directory, read.watermark)).toMatchObject({ records: [], gone: [] });
  });

  it('names the deleted by the id that is made of objectGUID, and by no other', async () => {
    const baseDn = await company(2);
    const directory = openAt(baseDn);
    const { records, next } = await readAllOf(directory);
    await remove(dnOf(baseDn, 0));
    const { gone } = await readSince(directory, 'watermark' in next ? next.watermark : '');
    const idsBy = (id: string) => {
      const mapping = compileMapping({ id, userName: 'mail', displayName: 'sn' });
      return gone.map((left) => mapping.identify(left)).filter((found) => found !== undefined);
    };
    const { objectGUID } = records.find(({ employeeID }) => employeeID === 'p0') ?? {};
    expect(idsBy('objectGUID')).toContain(objectGUID);
    expect(idsBy('"ad:" + objectGUID')).toContain(`ad:${objectGUID}`);
    expect(idsBy('employeeID')).toEqual([]);
    expect(idsBy('employeeID.orElse(objectGUID)')).toEqual([]);
  });

  it('gives as gone who left the filter, and who moved out of the base', async () => {
    const baseDn = await company(4);
    const elsewhere = await company(0);
    const directory = openAt(baseDn, { filter: '(&(objectClass=user)(department=Sales))' });
    for (const n of [0, 1, 2]) await set(dnOf(baseDn, n), 'department', ['Sales']);
    const { records, next } = await readAllOf(directory);
    expect(ids(records)).toEqual(['p0', 'p1', 'p2']);
    await set(dnOf(baseDn, 0), 'department', ['Support']);
    await samba.asAdmin((client) => client.modifyDN(dnOf(baseDn, 1), dnOf(elsewhere, 1)));
    await set(dnOf(baseDn, 3), 'department', ['Sales']);
    const read = await readSince(directory, 'watermark' in next ? next.watermark : '');
    expect(ids(read.records)).toEqual(['p3']);
    const left = records.filter(({ employeeID }) => employeeID !== 'p2');
    const guids = new Set(read.gone.map(({ objectGUID }) => objectGUID));
    expect(left.filter(({ objectGUID }) => !guids.has(objectGUID ?? null))).toEqual([]);
    expect(ids(await readAll(directory))).toEqual(['p2', 'p3']);
  });

  it('gives who moved into the base', async () => {
    const [baseDn, elsewhere] = [await company(1), await company(2)];
    const directory = openAt(baseDn);
    const watermark = await watermarkOf(directory);
    await samba.asAdmin((client) => client.modifyDN(dnOf(elsewhere, 1), dnOf(baseDn, 1)));
    expect(ids((await readSince(directory, watermark)).records)).toEqual(['p1']);
  });

  it('reads more than one request of entries again', async () => {
    const baseDn = await company(120);
    const directory = openAt(baseDn, { pageSize: 50 });
    const watermark = await watermarkOf(directory);
    await samba.asAdmin(async (client) => {
      for (let n = 0; n < 120; n += 1) {
        const modification = new Attribute({ type: 'sn', values: ['Changed'] });
        await client.modify(dnOf(baseDn, n), new Change({ operation: 'replace', modification }));
      }
    });
    const { records } = await readSince(directory, watermark);
    expect(records).toHaveLength(120);
    expect(records.every(({ sn }) => sn === 'Changed')).toBe(true);
  });

  it('brings no watermark where the base is in no naming context, and says it', async () => {
    const slapd = await startSlapd({ people: 3 });
    try {
      const more = { url: slapd.url, bindDn: slapd.readerDn, bindPassword: slapd.readerPassword };
      const directory = openAt(slapd.peopleDn, { ...more, filter: '(uid=*)' });
      const { records, next } = await readAllOf(directory);
      expect(records).toHaveLength(3);
      expect(next).toMatchObject({ problem: expect.stringMatching(/DirSync.*modifyTimestamp/) });
      const again = changesOf(directory).since('AAAA').next();
      await expect(again).rejects.toMatchObject({ code: 'directory.watermark' });
    } finally {
      await slapd.stop();
    }
  });
});

describe('openLdap with changes: modifyTimestamp, at a domain controller', () => {
  it('finds who changed as at any other server', async () => {
    const baseDn = await company(3);
    const directory = openAt(baseDn, { changes: 'modifyTimestamp' });
    const watermark = await watermarkOf(directory);
    await set(dnOf(baseDn, 1), 'sn', ['Changed']);
    const { records } = await readSince(directory, watermark);
    expect(records).toContainEqual(expect.objectContaining({ employeeID: 'p1', sn: 'Changed' }));
  });
});
