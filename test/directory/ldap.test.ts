import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'ldapts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LdapOptions, openLdap } from '../../directory/ldap.ts';
import { openDirectory } from '../../directory/select.ts';
import { describeDirectory, readAll } from '../contract/directory.ts';
import { type FaultyProxy, startProxy } from '../support/proxy.ts';
import { type Slapd, type SlapdOptions, startSlapd } from '../support/slapd.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function slapd(options: SlapdOptions): Promise<Slapd> {
  const server = await startSlapd(options);
  closers.push(() => server.stop());
  return server;
}

async function proxied(server: Slapd, faults: Parameters<typeof startProxy>[1]): Promise<FaultyProxy> {
  const proxy = await startProxy(server.port, faults);
  closers.push(() => proxy.stop());
  return proxy;
}

function optionsFor(server: Slapd, more: Partial<LdapOptions> = {}): LdapOptions {
  return {
    type: 'ldap',
    url: server.url,
    bindDn: server.readerDn,
    bindPassword: server.readerPassword,
    baseDn: server.peopleDn,
    fields: ['uid', 'mail'],
    timeoutMs: 60_000,
    ...more,
  };
}

/** People under one attribute named `id`, as the contract wants it. */
function contractLdif(count: number): string {
  return Array.from(
    { length: count },
    (_, at) =>
      `dn: uid=p${at},ou=people,dc=example,dc=test\nobjectClass: inetOrgPerson\nuid: p${at}\ncn: Ann\nsn: P\n\n`,
  ).join('');
}

describeDirectory('openLdap', {
  people: async (count) => {
    const server = await slapd({ ldif: contractLdif(count) });
    const directory = openLdap(optionsFor(server, { fields: ['uid'] }));
    return { ...directory, pages: (signal) => withId(directory.pages(signal)) };
  },
  failingMidway: async () => {
    const server = await slapd({ people: 1200, limits: 'size.soft=500 size.hard=500 size.prtotal=700' });
    return openLdap(optionsFor(server));
  },
});

async function* withId(pages: ReturnType<ReturnType<typeof openLdap>['pages']>) {
  for await (const page of pages) yield page.map((record) => ({ ...record, id: record.uid ?? null }));
}

describe('openLdap on 10,000 people', () => {
  let server: Slapd;
  beforeAll(async () => {
    server = await startSlapd({ people: 10_000 });
  });
  afterAll(() => server.stop());

  it('reads all of them in pages although an unpaged read is cut at 500', async () => {
    const client = new Client({ url: server.url });
    await client.bind(server.readerDn, server.readerPassword);
    await expect(client.search(server.peopleDn, { filter: '(uid=*)' })).rejects.toMatchObject({ code: 4 });
    await client.unbind();

    const fields = ['employeeNumber', 'givenName', 'mail', 'employeeType', 'entryUUID'];
    const people = await readAll(openDirectory(optionsFor(server, { fields })));
    expect(people).toHaveLength(10_000);
    expect(new Set(people.map((person) => person.entryUUID)).size).toBe(10_000);
    expect(people.filter((person) => person.employeeType === 'disabled')).toHaveLength(1000);
    expect(people.filter((person) => person.givenName === 'Žofie-李')).toHaveLength(1429);
    expect(people.filter((person) => person.mail === 'u9998@example.test')).toHaveLength(2);
  });

  it('gives only what the mapping asks for, beside the dn', async () => {
    const directory = openLdap(optionsFor(server, { filter: '(uid=u7)', fields: ['MAIL', 'dn', 'absent'] }));
    const [person] = await readAll(directory);
    expect({ ...person }).toEqual({ dn: 'uid=u7,ou=people,dc=example,dc=test', MAIL: 'u7@example.test' });
  });

  it('gives all user attributes and entryUUID where nothing says which', async () => {
    const directory = openLdap(optionsFor(server, { filter: '(uid=u7)', fields: undefined }));
    const [person] = await readAll(directory);
    expect(person).toMatchObject({ uid: 'u7', sn: 'Person 7', departmentNumber: 'D7' });
    expect(person?.entryUUID).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(person).not.toHaveProperty('userPassword');
  });

  it('understands escaped bytes of a filter as UTF-8', async () => {
    const filter = String.raw`(&(givenName=\c5\bdofie-\e6\9d\8e)(uid=u7))`;
    expect(await readAll(openLdap(optionsFor(server, { filter })))).toHaveLength(1);
  });

  it('finds one person, and nobody by a value that looks like a filter', async () => {
    const directory = openLdap(optionsFor(server));
    expect(await directory.find?.({ field: 'mail', value: 'U7@example.test' })).toMatchObject([
      { uid: 'u7' },
    ]);
    for (const value of ['*', 'u7)(uid=*', 'u*', '*)(|(uid=*', '\\2a', '']) {
      expect(await directory.find?.({ field: 'uid', value })).toEqual([]);
    }
  });

  it('finds nobody outside its own filter', async () => {
    const directory = openLdap(optionsFor(server, { filter: '(employeeType=disabled)' }));
    expect(await directory.find?.({ field: 'uid', value: 'u7' })).toEqual([]);
    expect(await directory.find?.({ field: 'uid', value: 'u9' })).toHaveLength(1);
  });

  it('closes its connection when the reader leaves early', async () => {
    const proxy = await startProxy(server.port);
    const directory = openLdap(optionsFor(server, { url: `ldap://127.0.0.1:${proxy.port}` }));
    for await (const _ of directory.pages()) break;
    expect(await readAll(directory)).toHaveLength(10_000);
    expect(proxy.connections()).toBe(2);
    await proxy.stop();
  });

  it.each([
    ['ldap.base', { baseDn: 'ou=nobody,dc=example,dc=test' }],
    ['ldap.base', { baseDn: 'not a dn' }],
    ['ldap.bind', { bindPassword: 'wrong' }],
    ['ldap.protocol', { url: 'http' }],
    ['ldap.connect', { url: 'ldap://127.0.0.1:1' }],
  ])('says %s for %o', async (code, change: Partial<LdapOptions>) => {
    const web = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const address = web.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const url = change.url === 'http' ? `ldap://127.0.0.1:${port}` : (change.url ?? server.url);
    const read = readAll(openLdap(optionsFor(server, { ...change, url })));
    await expect(read).rejects.toMatchObject({ kind: 'incomplete', code });
    await expect(read).rejects.not.toThrow(/wrong|reader-secret/);
    web.close();
  });

  it.each([0, 1, 20, 1000, 20_000, 100_000, 500_000])(
    'makes a connection cut after %i bytes an error',
    async (bytes) => {
      const proxy = await startProxy(server.port, { cutAfterBytes: bytes });
      const directory = openLdap(optionsFor(server, { url: `ldap://127.0.0.1:${proxy.port}` }));
      await expect(readAll(directory)).rejects.toMatchObject({ kind: 'incomplete', code: 'ldap.cut' });
      expect(proxy.connections()).toBe(1);
      await proxy.stop();
    },
  );

  it.each([0, 20, 20_000])('gives up on a server that falls silent after %i bytes', async (bytes) => {
    const proxy = await startProxy(server.port, { silentAfterBytes: bytes });
    const url = `ldap://127.0.0.1:${proxy.port}`;
    const read = readAll(openLdap(optionsFor(server, { url, timeoutMs: 300 })));
    await expect(read).rejects.toMatchObject({
      kind: 'incomplete',
      code: 'ldap.timeout',
      // As the configuration calls it.
      message: expect.stringContaining('Raise timeout, '),
    });
    await proxy.stop();
  });

  it('reads through a slow network', async () => {
    const proxy = await startProxy(server.port, { delayMs: 5 });
    const url = `ldap://127.0.0.1:${proxy.port}`;
    expect(
      await readAll(openLdap(optionsFor(server, { url, pageSize: 1000, filter: '(uid=u1*)' }))),
    ).toHaveLength(1111);
    await proxy.stop();
  });

  it('lets go of a silent server at once when aborted', async () => {
    const proxy = await startProxy(server.port, { silentAfterBytes: 20_000 });
    const controller = new AbortController();
    const directory = openLdap(
      optionsFor(server, { url: `ldap://127.0.0.1:${proxy.port}`, timeoutMs: 600_000 }),
    );
    const read = readAll(directory, controller.signal);
    setTimeout(() => controller.abort(), 100);
    await expect(read).rejects.toMatchObject({ code: 'directory.aborted' });
    await proxy.stop();
  });
});

describe('openLdap under the limits of servers', () => {
  it('makes a size limit over paged results an error', async () => {
    const server = await slapd({ people: 800, limits: 'size.soft=500 size.hard=500 size.prtotal=600' });
    await expect(readAll(openLdap(optionsFor(server, { pageSize: 100 })))).rejects.toMatchObject({
      code: 'ldap.size_limit',
      message: expect.stringMatching(/page 7/),
    });
  });

  it('makes refused paging an error, not an unpaged read', async () => {
    const server = await slapd({ people: 10, limits: 'size.soft=500 size.hard=500 size.prtotal=disabled' });
    await expect(readAll(openLdap(optionsFor(server)))).rejects.toMatchObject({ code: 'ldap.admin_limit' });
  });

  it('makes a page larger than the server allows an error', async () => {
    const server = await slapd({ people: 800, limits: 'size.soft=100 size.hard=100 size.pr=100' });
    await expect(readAll(openLdap(optionsFor(server)))).rejects.toMatchObject({ kind: 'incomplete' });
  });
});

describe('openLdap and referrals', () => {
  const referral = (name: string, target: string) =>
    `dn: ou=${name},ou=people,dc=example,dc=test\nobjectClass: referral\nobjectClass: extensibleObject\nou: ${name}\nref: ${target}\n\n`;

  it('makes entries that lie on another server an error', async () => {
    const server = await slapd({
      people: 5,
      ldif: referral('far', 'ldap://127.0.0.1:1/dc=child,dc=example,dc=test'),
    });
    await expect(readAll(openLdap(optionsFor(server)))).rejects.toMatchObject({ code: 'ldap.referral' });
  });

  it('makes a base that lies on another server an error', async () => {
    const server = await slapd({ ldif: referral('far', 'ldap://127.0.0.1:1/ou=far,dc=test') });
    const baseDn = `ou=far,${server.peopleDn}`;
    await expect(readAll(openLdap(optionsFor(server, { baseDn })))).rejects.toMatchObject({
      code: 'ldap.referral',
    });
  });

  it('passes over the parts of an AD forest that hold no people', async () => {
    const ldif =
      referral('dns', 'ldap://DomainDnsZones.example.test/DC=DomainDnsZones,DC=example,DC=test') +
      referral('config', 'ldap://example.test/CN=Configuration,DC=example,DC=test');
    const server = await slapd({ people: 5, ldif });
    expect(await readAll(openLdap(optionsFor(server)))).toHaveLength(5);
  });
});

describe('openLdap and values', () => {
  const guid = Buffer.from('33221100554477668899aabbccddeeff', 'hex');
  const sid = Buffer.from('010500000000000515000000010000000200000003000000e8030000', 'hex');
  const ldif = [
    'dn: uid=ad,ou=people,dc=example,dc=test',
    'objectClass: inetOrgPerson',
    'objectClass: adUser',
    'uid: ad',
    'cn: Ann',
    'sn: Smith',
    `objectGUID:: ${guid.toString('base64')}`,
    `objectSid:: ${sid.toString('base64')}`,
    'userAccountControl: 514',
    `jpegPhoto:: ${Buffer.from([0xff, 0xd8, 0xff, 0xe0]).toString('base64')}`,
    'ou: sales',
    'ou: berlin',
    'telephoneNumber: 1',
    'telephoneNumber: 2',
    '',
    'dn: uid=on,ou=people,dc=example,dc=test',
    'objectClass: inetOrgPerson',
    'objectClass: adUser',
    'uid: on',
    'cn: Ann',
    'sn: Smith',
    // Bytes that are text as well, and still no text.
    `objectGUID:: ${Buffer.from('abcdefghijklmnop').toString('base64')}`,
    'userAccountControl: 512',
    'ou: sales',
    'telephoneNumber: 1',
    '',
    '',
  ].join('\n');

  it('gives ids as text, flags as booleans, lists as configured, other bytes as base64', async () => {
    const server = await slapd({ ldif });
    const fields = [
      'uid',
      'objectGUID',
      'objectSid',
      'accountDisabled',
      'jpegPhoto',
      'ou',
      'telephoneNumber',
    ];
    const records = await readAll(openLdap(optionsFor(server, { fields, multi: ['OU'] })));
    expect(records.map((record) => ({ ...record }))).toEqual([
      {
        dn: 'uid=ad,ou=people,dc=example,dc=test',
        uid: 'ad',
        objectGUID: '00112233-4455-6677-8899-aabbccddeeff',
        objectSid: 'S-1-5-21-1-2-3-1000',
        userAccountControl: 514,
        accountDisabled: true,
        jpegPhoto: '/9j/4A==',
        ou: ['berlin', 'sales'],
        telephoneNumber: ['1', '2'],
      },
      {
        dn: 'uid=on,ou=people,dc=example,dc=test',
        uid: 'on',
        objectGUID: '64636261-6665-6867-696a-6b6c6d6e6f70',
        userAccountControl: 512,
        accountDisabled: false,
        ou: ['sales'],
        telephoneNumber: '1',
      },
    ]);
  });

  it('finds a person by the text of an objectGUID', async () => {
    const server = await slapd({ ldif });
    const directory = openLdap(optionsFor(server));
    const value = '00112233-4455-6677-8899-AABBCCDDEEFF';
    expect(await directory.find?.({ field: 'objectGUID', value })).toMatchObject([{ uid: 'ad' }]);
    expect(await directory.find?.({ field: 'objectGUID', value: 'nobody' })).toEqual([]);
    await expect(directory.find?.({ field: 'accountDisabled', value: 'true' })).rejects.toMatchObject({
      kind: 'config',
      code: 'ldap.find_field',
    });
  });
});

describe('openLdap over TLS', () => {
  let folder: string;
  let ca: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ldap-ca-'));
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-days',
      '2',
      '-subj',
      '/CN=Test CA',
    );
    const sign = (name: string, subjectAltName: string, ...validity: string[]) => {
      openssl(
        'req',
        ...key,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
        '-subj',
        '/CN=ldap',
        '-addext',
        `subjectAltName=${subjectAltName}`,
      );
      openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-out',
        `${name}.pem`,
        '-copy_extensions',
        'copy',
        ...validity,
      );
    };
    sign('good', 'IP:127.0.0.1,DNS:localhost', '-days', '1');
    sign('expired', 'IP:127.0.0.1,DNS:localhost', '-days', '-1');
    sign('elsewhere', 'DNS:ldap.elsewhere.test', '-days', '1');
    ca = await readFile(join(folder, 'ca.pem'), 'utf8');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const tls = (name: string) => ({
    certFile: join(folder, `${name}.pem`),
    keyFile: join(folder, `${name}.key`),
  });

  it('reads by ldaps and by StartTLS with the CA given', async () => {
    const server = await slapd({ people: 700, tls: tls('good') });
    const byName = `ldaps://localhost:${server.ldapsPort}`;
    for (const change of [{ url: server.ldapsUrl }, { url: byName }, { startTls: true }]) {
      expect(await readAll(openLdap(optionsFor(server, { ca, ...change })))).toHaveLength(700);
    }
  });

  it.each([
    ['a CA that is not known', 'good', false],
    ['an expired certificate', 'expired', true],
    ['a certificate of another host', 'elsewhere', true],
  ])('refuses %s', async (_, name, withCa) => {
    const server = await slapd({ people: 1, tls: tls(name) });
    for (const change of [{ url: server.ldapsUrl }, { startTls: true }]) {
      const read = readAll(openLdap(optionsFor(server, { ca: withCa ? ca : undefined, ...change })));
      await expect(read).rejects.toMatchObject({ kind: 'incomplete', code: 'ldap.tls' });
    }
  });

  it('refuses all the same where the environment turns verification off', async () => {
    const server = await slapd({ people: 1, tls: tls('expired') });
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      await expect(readAll(openLdap(optionsFor(server, { url: server.ldapsUrl, ca })))).rejects.toMatchObject(
        {
          code: 'ldap.tls',
        },
      );
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
  });

  it('sends nothing in plain text where the server has no StartTLS', async () => {
    const server = await slapd({ people: 1 });
    await expect(readAll(openLdap(optionsFor(server, { startTls: true })))).rejects.toMatchObject({
      code: 'ldap.tls',
    });
  });

  it('gives up on a TLS handshake that is never answered', async () => {
    const server = await slapd({ people: 1, tls: tls('good') });
    const proxy = await proxied(server, { silentAfterBytes: 14 });
    const url = `ldap://127.0.0.1:${proxy.port}`;
    const read = readAll(openLdap(optionsFor(server, { url, startTls: true, ca, timeoutMs: 300 })));
    await expect(read).rejects.toMatchObject({ code: 'ldap.timeout' });
  });
});

describe('openLdap before it reads', () => {
  const base: LdapOptions = { type: 'ldap', url: 'ldaps://ldap.example.test', baseDn: 'dc=example,dc=test' };
  const login = { bindDn: 'cn=reader', bindPassword: 'reader-secret-1' };

  it.each<[string, Partial<LdapOptions>]>([
    ['ldap.url', { url: 'https://ldap.example.test' }],
    ['ldap.url', { url: 'ldap.example.test' }],
    ['ldap.url', { url: 'ldaps://reader:secret@ldap.example.test' }],
    ['ldap.url', { url: 'ldaps://ldap.example.test/dc=example,dc=test' }],
    ['ldap.url', { url: 'ldap://169.254.169.254' }],
    ['ldap.url', { url: 'ldaps://[::ffff:169.254.169.254]' }],
    ['ldap.url', { startTls: true }],
    ['ldap.plain', { ...login, url: 'ldap://ldap.example.test' }],
    ['ldap.plain', { ...login, url: 'ldap://127.0.0.1.example.test' }],
    ['ldap.credentials', { bindDn: 'cn=reader' }],
    ['ldap.credentials', { bindDn: 'cn=reader', bindPassword: '' }],
    ['ldap.credentials', { bindPassword: 'reader-secret-1' }],
    ['ldap.page_size', { pageSize: 0 }],
    ['ldap.page_size', { pageSize: 1.5 }],
    ['ldap.filter', { filter: '' }],
    ['ldap.filter', { filter: '(uid=*' }],
    ['ldap.filter', { filter: '(&(uid=*)(cn=*)' }],
    ['ldap.filter', { filter: '(uid=*))' }],
    ['ldap.filter', { filter: '(uid=*)(cn=*)' }],
    ['ldap.filter', { filter: '(uid)' }],
    ['ldap.filter', { filter: String.raw`(uid=\zz)` }],
    ['ldap.filter', { filter: String.raw`(uid=\ff\fe)` }],
  ])('refuses with %s: %o', (code, change) => {
    expect(() => openLdap({ ...base, ...change })).toThrow(
      expect.objectContaining({ kind: 'config', code, message: expect.not.stringMatching(/secret/) }),
    );
  });

  it.each(['ldap://127.0.0.1', 'ldap://localhost:1389', 'ldap://[::1]'])(
    'lets a password go to %s',
    (url) => {
      expect(openLdap({ ...base, ...login, url }).name).toContain(url);
    },
  );

  it('connects to no name that leads to a metadata address', async () => {
    // 169.254.169.254 as one number: the resolver reads it, as it would a name that was pointed there.
    const read = readAll(openLdap({ ...base, url: 'ldap://2852039166' }));
    await expect(read).rejects.toMatchObject({
      code: 'ldap.connect',
      message: expect.stringContaining('FORBIDDEN_ADDRESS'),
    });
  });

  it('lets a password go through StartTLS', () => {
    const directory = openLdap({ ...base, ...login, url: 'ldap://ldap.example.test', startTls: true });
    expect(directory.name).toBe('ldap ldap://ldap.example.test:389 dc=example,dc=test');
  });
});
