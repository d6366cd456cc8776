/** The image's contents, run as the image would be: no engine here, so the kernel's own means stand in for it. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { ensureBuilt } from '../support/build.ts';
import { type ComposeRedis, startComposeRedis } from './compose-redis.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const UID = 10_001;
const IS_ROOT = process.getuid?.() === 0;
/** As the Dockerfile ends: its user, and none of root's powers. */
const DROP = [
  'setpriv',
  `--reuid=${UID}`,
  `--regid=${UID}`,
  '--clear-groups',
  '--bounding-set=-all',
  '--inh-caps=-all',
  '--no-new-privs',
];
/** As `read_only: true`: everything but the data folder ($1), the app's folder ($2) on whatever file system it lies. */
const READ_ONLY =
  'mount --bind "$1" "$1"; mount --bind "$2" "$2"; mount -o remount,ro,bind "$2"; mount -o remount,ro,bind /; shift 2; exec "$@"';
const MAY_MOUNT = IS_ROOT && spawnSync('unshare', ['-m', 'mount', '--bind', '/tmp', '/tmp']).status === 0;

let folder: string;
let app: string;
let data: string;
let node: string;
let sandbox: Sandbox;
let redis: ComposeRedis;

const people = [
  'employee_id,first_name,last_name,email,status',
  ...Array.from({ length: 12 }, (_, i) => `E${i},Zoë,Ng${i},zoe${i}@example.com,active`),
];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'image-test-'));
  chmodSync(folder, 0o755);
  app = join(folder, 'app');
  data = join(folder, 'data');
  await Promise.all([makeImage(), makeNeighbours()]);
  writeConfiguration();
  node = nodeFor();
  // npm fetches what its cache lacks.
});

afterAll(async () => {
  await Promise.all([sandbox?.close(), redis?.stop()]);
  if (!MAY_MOUNT) await promisify(execFile)('chmod', ['-R', 'u+w', app]);
  rmSync(folder, { recursive: true, force: true });
});

/** What the Dockerfile's last stage copies. */
async function makeImage(): Promise<void> {
  cpSync(await ensureBuilt(), join(app, 'dist'), { recursive: true });
  for (const name of ['package.json', 'package-lock.json', '.npmrc'])
    cpSync(join(ROOT, name), join(app, name));
  const args = [
    'ci',
    '--ignore-scripts',
    '--omit=dev',
    '--omit=optional',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
  ];
  await promisify(execFile)('npm', args, { cwd: app });
  if (!MAY_MOUNT) await promisify(execFile)('chmod', ['-R', 'a-w', app]);
}

async function makeNeighbours(): Promise<void> {
  const state = join(folder, 'redis');
  for (const path of [state, data]) mkdirSync(path);
  redis = await startComposeRedis(state);
  sandbox = await startSandbox({ requestsPerMinute: 3000 });
}

/** deploy/config/omni-sync.yaml with the addresses of this test, and secrets as the daemon's user has them. */
function writeConfiguration(): void {
  const key = join(folder, 'omni_api_key');
  const password = join(folder, 'redis_password');
  const token = join(folder, 'metrics_token');
  writeFileSync(key, 'omni-sandbox-key\n');
  writeFileSync(token, `${'t'.repeat(64)}\n`);
  cpSync(redis.passwordFile, password);
  for (const file of [key, password, token]) chmodSync(file, 0o440);
  if (IS_ROOT) for (const file of [key, password, token, data]) chownSync(file, UID, UID);
  const config = readFileSync(join(ROOT, 'deploy/config/omni-sync.yaml'), 'utf8')
    .replace('/run/secrets/redis_password', password)
    .replace('/run/secrets/omni_api_key', key)
    .replace('/run/secrets/metrics_token', token)
    .replace('0.0.0.0:8787', '127.0.0.1:0')
    .replace('redis://redis:6379', `redis://127.0.0.1:${redis.port}`)
    .replace('https://acme.omniapp.co', `${sandbox.url}\n      requestsPerMinute: 3000`);
  writeFileSync(join(folder, 'omni-sync.yaml'), config);
  writeFileSync(join(folder, 'people.csv'), `${people.join('\n')}\n`);
}

/** This Node, or a copy of it where the image's user may not reach it (one in root's home, say). */
function nodeFor(): string {
  const [drop = '', ...args] = [...DROP, process.execPath, '--version'];
  if (!IS_ROOT || spawnSync(drop, args).status === 0) return process.execPath;
  const copy = join(folder, 'node');
  cpSync(process.execPath, copy);
  return copy;
}

/** Starts a command of the image as the container would: its user, its environment, its file systems. */
function inImage(command: readonly string[]) {
  const dropped = IS_ROOT ? [...DROP, ...command] : [...command];
  const [program = '', ...args] = MAY_MOUNT
    ? ['unshare', '-m', 'sh', '-ec', READ_ONLY, 'sh', data, app, ...dropped]
    : dropped;
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    NODE_OPTIONS: '--disable-proto=delete',
    OMNI_SYNC_CONFIG: join(folder, 'omni-sync.yaml'),
    OMNI_SYNC_DATA: data,
  };
  const child = spawn(program, args, { cwd: app, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const written = (text: string) => {
    output += text;
  };
  child.stdout.setEncoding('utf8').on('data', written);
  child.stderr.setEncoding('utf8').on('data', written);
  const ended = once(child, 'close').then(([status]) => ({ status: status as number | null, output }));
  return { child, ended };
}

const omniSync = (...args: string[]) => inImage([node, join(app, 'dist/cli/main.js'), ...args]);

describe(`the image's contents as an unprivileged user, on a read-only ${MAY_MOUNT ? 'root' : 'app folder'}`, () => {
  it('bring twelve people from a file to Omni', async () => {
    expect(await omniSync('run').ended).toMatchObject({ status: 0 });
    const { users } = sandbox.state();
    expect(users.map(({ userName }) => userName).toSorted()).toEqual(
      Array.from({ length: 12 }, (_, i) => `zoe${i}@example.com`).toSorted(),
    );
    expect(sandbox.calls().length).toBe(13);
  });

  it('are healthy by the health check of the Dockerfile, and not without Redis', async () => {
    const [, command = ''] =
      /^HEALTHCHECK [^\n]*\\\n\s*CMD (.*)$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')) ?? [];
    const check = command.replace('node /app', `${node} ${app}`);
    expect(check).not.toBe(command);
    expect(await inImage(['sh', '-c', check]).ended).toMatchObject({ status: 0 });
    const broken = check.replace(node, `OMNI_SYNC_CONFIG=/nowhere.yaml ${node}`);
    expect((await inImage(['sh', '-c', broken]).ended).status).not.toBe(0);
  });

  it('serve until SIGTERM, and end with status 0', async () => {
    const { child, ended } = omniSync('start');
    let said = '';
    await new Promise<void>((resolve) => {
      child.stderr.on('data', (text: string) => {
        said += text;
        if (said.includes('"started"')) resolve();
      });
      child.once('close', () => resolve());
    });
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ status: 0, output: expect.stringContaining('"stopped"') });
  });

  it('cannot be changed by that user', async () => {
    const { status, output } = await inImage(['sh', '-c', `id -u; touch ${app}/dist/cli/main.js ${app}/new`])
      .ended;
    expect(status).not.toBe(0);
    expect(output).toMatch(/read-only|permission denied/i);
    if (IS_ROOT) expect(output).toContain(`${UID}\n`);
    expect(() => accessSync(join(app, 'new'))).toThrow();
  });

  it('hold no development package and no source', () => {
    const packages = readdirSync(join(app, 'node_modules'));
    for (const name of ['typescript', 'vitest', '@biomejs', 'knip', '@types'])
      expect(packages).not.toContain(name);
    const files = readdirSync(join(app, 'dist'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => name.endsWith('.ts'))).toEqual([]);
  });
});
