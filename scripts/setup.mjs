/**
 * `node scripts/setup.mjs [--test]`: what the demo, or the tests, need on this machine: Node, the packages, Redis (and
 * slapd, Samba, openssl), dist/. Does only what is missing, and says it. Runs before there is a node_modules: `node:` alone.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { installMissing } from './install.mjs';
import { captured } from './process.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OLDEST_NODE = [20, 19];

/** Programs → the Debian package that brings them, with others, and the services that it starts under other names. The demo takes a valkey-server as well; the tests start redis-server. */
const FOR_DEMO = [{ programs: ['redis-server', 'valkey-server'], debian: 'redis-server' }];
const FOR_TESTS = [
  { programs: ['redis-server'], debian: 'redis-server' },
  { programs: ['slapd'], debian: 'slapd' },
  { programs: ['chromium'], debian: 'chromium' },
  { programs: ['ldapsearch'], debian: 'ldap-utils' },
  { programs: ['openssl'], debian: 'openssl' },
  {
    programs: ['samba'],
    debian: 'samba',
    // What makes it a domain controller comes in packages of its own.
    with: [
      'samba-dsdb-modules',
      'samba-vfs-modules',
      'samba-ad-provision',
      'winbind',
      'krb5-user',
      'ldb-tools',
    ],
    services: ['smbd', 'nmbd', 'samba-ad-dc', 'winbind'],
  },
  { programs: ['faketime'], debian: 'faketime' },
  { programs: ['curl'], debian: 'curl' },
];

function main() {
  checkNode();
  installPackages();
  installMissing(process.argv.includes('--test') ? FOR_TESTS : FOR_DEMO);
  if (!build()) throw new Error('the sources do not compile: mend what tsc says above');
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [least, leastMinor] = OLDEST_NODE;
  if (major > least || (major === least && minor >= leastMinor)) return;
  throw new Error(`Node ${OLDEST_NODE.join('.')} or newer is needed, this is ${process.versions.node}`);
}

function installPackages() {
  if (packagesAreThere()) return;
  process.stderr.write('setup: installing the packages of package-lock.json (npm ci)\n');
  // With NODE_ENV=production npm would leave the compiler out.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  const npm = process.env.npm_execpath;
  const { status, output } = npm?.endsWith('npm-cli.js')
    ? captured(process.execPath, [npm, ...args], { cwd: ROOT })
    : captured('npm', args, { cwd: ROOT });
  if (status !== 0) throw new Error(`npm ci failed:\n${output}`);
}

/** Whether node_modules holds what the lock file names; npm notes there what it has installed. */
function packagesAreThere() {
  const noted = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(noted)) return false;
  const locked = packagesOf(join(ROOT, 'package-lock.json'));
  const installed = packagesOf(noted);
  return Object.entries(locked).every(([path, { version, optional }]) => {
    const found = installed[path];
    // Optional ones are for other platforms too.
    return path === '' || (found === undefined ? optional === true : found.version === version);
  });
}

function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

try {
  main();
} catch (error) {
  process.stderr.write(`setup: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
