/**
 * A real Active Directory for tests: Samba as a domain controller, with a domain in a temporary folder, on a loopback
 * address of its own, as LDAP's port is fixed. Never skips: without Samba, or without root, a test fails and says so.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'ldapts';

const REALM = 'ad.example.test';
const ROOT_DN = 'DC=ad,DC=example,DC=test';
const ADMIN_PASSWORD = 'Passw0rd!ad';
const READER_PASSWORD = 'reader-Secret-1';
const SAMBA = '/usr/sbin/samba';
const TOOL = '/usr/bin/samba-tool';
const PACKAGES = 'samba samba-dsdb-modules samba-vfs-modules samba-ad-provision winbind krb5-user ldb-tools';
const LDAP_PORT = 389;
/** A machine that does much else takes its time. */
const PATIENCE_MS = 120_000;

const run = promisify(execFile);

export interface Samba {
  readonly url: string;
  /** The domain's root, a naming context. */
  readonly rootDn: string;
  readonly peopleDn: string;
  /** An ordinary user of the domain. */
  readonly readerDn: string;
  readonly readerPassword: string;
  /** Runs `work` on a connection that may change everything. */
  asAdmin<Result>(work: (client: Client) => Promise<Result>): Promise<Result>;
  stop(): Promise<void>;
}

/** Makes a domain and serves it; ready when the promise resolves, after some ten seconds. */
export async function startSamba(): Promise<Samba> {
  if (!existsSync(SAMBA) || !existsSync(TOOL)) {
    throw new Error(`Samba is missing. Install it: apt-get install -y --no-install-recommends ${PACKAGES}`);
  }
  if (process.getuid?.() !== 0)
    throw new Error('Samba as a domain controller needs root: run this test as root');
  const folder = await mkdtemp(join(tmpdir(), 'samba-test-'));
  try {
    const host = await freeAddress();
    await provision(folder);
    await writeFile(join(folder, 'smb.conf'), await configuration(folder, host));
    const offline = ['-H', join(folder, 'private/sam.ldb'), '-s', join(folder, 'smb.conf')];
    await run(TOOL, ['user', 'create', 'reader', READER_PASSWORD, ...offline]);
    await run(TOOL, ['ou', 'create', `OU=people,${ROOT_DN}`, ...offline]);
    return handle(folder, host, await serving(folder, host));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function provision(folder: string): Promise<void> {
  const about = [`--realm=${REALM.toUpperCase()}`, '--domain=ADEX', '--server-role=dc', '--dns-backend=NONE'];
  const place = [`--targetdir=${folder}`, '--host-name=dc1', '--host-ip=127.0.0.1', '--use-rfc2307'];
  const lonely = ['--option=interfaces=lo', '--option=bind interfaces only=yes'];
  await run(TOOL, ['domain', 'provision', `--adminpass=${ADMIN_PASSWORD}`, ...about, ...place, ...lonely]);
}

/** LDAP alone, and every folder and socket in the scratch folder. */
async function configuration(folder: string, host: string): Promise<string> {
  const scratch = join(folder, 'run');
  await mkdir(scratch, { recursive: true });
  const settings = {
    'netbios name': 'DC1',
    realm: REALM.toUpperCase(),
    workgroup: 'ADEX',
    'server role': 'active directory domain controller',
    'server services': 'ldap',
    interfaces: `${host}/8`,
    'bind interfaces only': 'yes',
    'ldap server require strong auth': 'no',
    'private dir': `${folder}/private`,
    'state directory': `${folder}/state`,
    'cache directory': `${folder}/cache`,
    'binddns dir': `${folder}/bind-dns`,
    'lock directory': scratch,
    'pid directory': scratch,
    'ncalrpc dir': `${scratch}/ncalrpc`,
    'ntp signd socket directory': `${scratch}/ntp`,
    'winbindd socket directory': `${scratch}/winbindd`,
    'log file': `${scratch}/log`,
    'tls enabled': 'yes',
    'idmap_ldb:use rfc2307': 'yes',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  const shares = ['[sysvol]', `path = ${folder}/state/sysvol`, '[netlogon]', `path = ${folder}/state/sysvol`];
  return `${['[global]', ...lines, ...shares].join('\n')}\n`;
}

/** One of the loopback network that nobody serves LDAP on: several test files may run at once. */
async function freeAddress(): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const at = (process.pid * 7 + attempt) % 64_000;
    const host = `127.77.${1 + (at >> 8)}.${1 + (at % 250)}`;
    if (await isFree(host)) return host;
  }
  throw new Error(`port ${LDAP_PORT} is taken on every loopback address that was tried`);
}

function isFree(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(LDAP_PORT, host, () => server.close(() => resolve(true)));
  });
}

async function serving(folder: string, host: string): Promise<ChildProcess> {
  const args = ['-s', join(folder, 'smb.conf'), '--foreground', '--no-process-group', '--debug-stdout'];
  const child = spawn(SAMBA, [...args, '-d1', '-M', 'single'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (said += text));
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await isOpen(host))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`Samba did not start: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return child;
}

function isOpen(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = tcpConnect(LDAP_PORT, host);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function handle(folder: string, host: string, child: ChildProcess): Samba {
  const url = `ldap://${host}`;
  return {
    url,
    rootDn: ROOT_DN,
    peopleDn: `OU=people,${ROOT_DN}`,
    readerDn: `CN=reader,CN=Users,${ROOT_DN}`,
    readerPassword: READER_PASSWORD,
    async asAdmin(work) {
      const client = new Client({ url, timeout: PATIENCE_MS });
      await client.bind(`CN=Administrator,CN=Users,${ROOT_DN}`, ADMIN_PASSWORD);
      try {
        return await work(client);
      } finally {
        await client.unbind();
      }
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const closed = new Promise((resolve) => child.once('close', resolve));
        child.kill('SIGKILL');
        await closed;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
