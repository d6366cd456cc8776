/** A real OpenLDAP server for tests: own folder, own port, filled by slapadd. Never skips: without slapd a test fails. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'ldapts';

const BASE_DN = 'dc=example,dc=test';
const ROOT_DN = `cn=admin,${BASE_DN}`;
const ROOT_PASSWORD = 'root-secret-1';
const READER_DN = `cn=reader,${BASE_DN}`;
const READER_PASSWORD = 'reader-secret-1';
const SLAPD = '/usr/sbin/slapd';

export interface SlapdOptions {
  /** How many people to make; see `personLdif`. */
  readonly people?: number;
  /** More entries, as LDIF, below `baseDn`. */
  readonly ldif?: string;
  /** The reader's limits; 500 for an unpaged search and none for a paged one where it is left out. */
  readonly limits?: string;
  /** PEM files; with them the server offers StartTLS and ldaps. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** Further lines of the database section of slapd.conf. */
  readonly config?: string;
}

export interface Slapd {
  readonly url: string;
  readonly ldapsUrl: string;
  readonly port: number;
  readonly ldapsPort: number;
  readonly baseDn: string;
  readonly peopleDn: string;
  readonly rootDn: string;
  readonly rootPassword: string;
  readonly readerDn: string;
  readonly readerPassword: string;
  /** Runs `work` on a connection that may change everything. */
  asRoot<Result>(work: (client: Client) => Promise<Result>): Promise<Result>;
  stop(): Promise<void>;
}

/** Starts a server with the entries that `options` name; ready when the promise resolves. */
export async function startSlapd(options: SlapdOptions = {}): Promise<Slapd> {
  if (!existsSync(SLAPD)) {
    throw new Error(
      `${SLAPD} is missing. Install it: apt-get install -y --no-install-recommends slapd ldap-utils`,
    );
  }
  const folder = await mkdtemp(join(tmpdir(), 'slapd-test-'));
  try {
    const conf = join(folder, 'slapd.conf');
    await writeFile(conf, await configuration(folder, options));
    await writeFile(
      join(folder, 'load.ldif'),
      baseLdif() + peopleLdif(options.people ?? 0) + (options.ldif ?? ''),
    );
    execFileSync('/usr/sbin/slapadd', ['-q', '-f', conf, '-l', join(folder, 'load.ldif')], { stdio: 'pipe' });
    return await listening(folder, conf);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The ports are free when asked for and may be taken a moment later: another pair is tried then. */
async function listening(folder: string, conf: string): Promise<Slapd> {
  for (let attempt = 1; ; attempt += 1) {
    const [port, ldapsPort] = await freePorts();
    const urls = `ldap://127.0.0.1:${port}/ ldaps://127.0.0.1:${ldapsPort}/`;
    const child = spawn(SLAPD, ['-f', conf, '-h', urls, '-d', 'none'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const failure = await started(child);
    if (failure === undefined) {
      await Promise.all([accepting(port), accepting(ldapsPort)]);
      return handle(folder, child, { port, ldapsPort });
    }
    if (attempt === 5) throw new Error(`slapd did not start: ${failure}`);
  }
}

/** slapd says that it starts a moment before it listens: knocks until the port opens, for five seconds at most. */
async function accepting(port: number): Promise<void> {
  for (let knock = 1; ; knock += 1) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = tcpConnect(port, '127.0.0.1');
      socket
        .once('error', () => resolve(false))
        .once('connect', () => {
          socket.destroy();
          resolve(true);
        });
    });
    if (isOpen) return;
    if (knock === 6_000) throw new Error(`slapd does not listen on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits for the line that slapd writes when it starts; what it wrote before, if it ends instead. */
function started(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('slapd starting')) resolve(undefined);
    });
    child.once('error', reject);
    child.once('close', () => resolve(said));
  });
}

function handle(folder: string, child: ChildProcess, ports: { port: number; ldapsPort: number }): Slapd {
  const url = `ldap://127.0.0.1:${ports.port}`;
  return {
    ...ports,
    url,
    ldapsUrl: `ldaps://127.0.0.1:${ports.ldapsPort}`,
    baseDn: BASE_DN,
    peopleDn: `ou=people,${BASE_DN}`,
    rootDn: ROOT_DN,
    rootPassword: ROOT_PASSWORD,
    readerDn: READER_DN,
    readerPassword: READER_PASSWORD,
    asRoot: async (work) => {
      const client = new Client({ url, timeout: 60_000 });
      await client.bind(ROOT_DN, ROOT_PASSWORD);
      try {
        return await work(client);
      } finally {
        await client.unbind();
      }
    },
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const closed = new Promise((resolve) => child.once('close', resolve));
        child.kill('SIGKILL');
        await closed;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function configuration(folder: string, options: SlapdOptions): Promise<string> {
  const modules = await moduleFolder();
  const tls = options.tls;
  const limits = options.limits ?? 'size.soft=500 size.hard=500 size.prtotal=unlimited';
  return [
    ...['core', 'cosine', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema`),
    `include ${await activeDirectorySchema(folder)}`,
    `modulepath ${modules}`,
    ...['back_mdb', 'syncprov', 'sssvlv'].map((name) => `moduleload ${name}`),
    `pidfile ${folder}/pid`,
    ...(tls ? [`TLSCertificateFile ${tls.certFile}`, `TLSCertificateKeyFile ${tls.keyFile}`] : []),
    'database mdb',
    `suffix "${BASE_DN}"`,
    `rootdn "${ROOT_DN}"`,
    `rootpw ${ROOT_PASSWORD}`,
    `directory ${folder}`,
    'maxsize 1073741824',
    `limits dn.exact="${READER_DN}" ${limits}`,
    options.config ?? '',
    'overlay syncprov',
    'overlay sssvlv',
    '',
  ].join('\n');
}

/** The few attributes of Active Directory that the tests need, with its own OIDs and syntaxes. */
async function activeDirectorySchema(folder: string): Promise<string> {
  const path = join(folder, 'ad.schema');
  const binary = 'EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE';
  await writeFile(
    path,
    [
      `attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' ${binary} )`,
      `attributetype ( 1.2.840.113556.1.4.146 NAME 'objectSid' ${binary} )`,
      "attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )",
      "objectclass ( 1.2.840.113556.1.5.9 NAME 'adUser' SUP top AUXILIARY MAY ( objectGUID $ objectSid $ userAccountControl ) )",
      '',
    ].join('\n'),
  );
  return path;
}

/** Debian names the folder by version; the modules are the same. */
async function moduleFolder(): Promise<string> {
  for (const folder of ['/usr/lib/ldap', '/usr/lib64/openldap', '/usr/lib/openldap']) {
    if (existsSync(folder) && (await readdir(folder)).some((name) => name.startsWith('back_mdb')))
      return folder;
  }
  throw new Error('The modules of slapd are missing. Install them: apt-get install -y slapd');
}

function baseLdif(): string {
  return [
    `dn: ${BASE_DN}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n`,
    `dn: ou=people,${BASE_DN}\nobjectClass: organizationalUnit\nou: people\n`,
    `dn: ${READER_DN}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: ${READER_PASSWORD}\n`,
    '',
  ].join('\n');
}

/**
 * People 0 to count-1: every tenth is disabled (`employeeType: disabled`, else `active`), every seventh has a name
 * beyond ASCII, and the last two share one address.
 */
function peopleLdif(count: number): string {
  return Array.from({ length: count }, (_, at) => `${personLdif(at, count)}\n`).join('');
}

function personLdif(at: number, count: number): string {
  const given = at % 7 === 0 ? 'Žofie-李' : 'Ann';
  const mailbox = at === count - 1 && count > 1 ? at - 1 : at;
  return [
    `dn: uid=u${at},ou=people,${BASE_DN}`,
    'objectClass: inetOrgPerson',
    `uid: u${at}`,
    `employeeNumber: E${at}`,
    `cn:: ${Buffer.from(`${given} Person ${at}`).toString('base64')}`,
    `givenName:: ${Buffer.from(given).toString('base64')}`,
    `sn: Person ${at}`,
    `mail: u${mailbox}@example.test`,
    `departmentNumber: D${at % 20}`,
    `employeeType: ${at % 10 === 9 ? 'disabled' : 'active'}`,
    '',
  ].join('\n');
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const;
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => {
            const address = server.address();
            resolve(typeof address === 'object' && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return [ports[0] ?? 0, ports[1] ?? 0];
}
