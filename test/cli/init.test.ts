/** A new user's first steps: `init` answered by lines on its standard input, in an empty folder. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { ensureBuilt } from '../support/build.ts';
import { type Slapd, startSlapd } from '../support/slapd.ts';

const KEY = 'omni-sandbox-key-of-init';
const PEOPLE = 'employee_id,first_name,last_name,email,office,status\nE1,Jo,Li,jo@example.com,Rome,active\n';

let folder: string;
let sandbox: Sandbox;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'init-test-'));
  sandbox = await startSandbox({ requestsPerMinute: 6_000, keys: [KEY], attributes: [{ name: 'region' }] });
  writeFileSync(join(folder, 'people.csv'), PEOPLE);
});

afterEach(async () => {
  await sandbox.close();
  rmSync(folder, { recursive: true, force: true });
});

async function cli(args: readonly string[], input = ''): Promise<{ code: number; output: string }> {
  const main = join(await ensureBuilt(), 'cli/main.js');
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: 'pipe' });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, output };
}

/** Enter for all that is proposed. */
const fileAnswers = (...more: string[]) =>
  [
    'file',
    'people.csv',
    '',
    '',
    '',
    '',
    '',
    'region = office',
    '',
    sandbox.url,
    KEY,
    'ops@example.com',
    'acme',
    '',
    ...more,
  ]
    .map((line) => `${line}\n`)
    .join('');

describe('omni-sync init', () => {
  it('writes a configuration that passes its check and runs', async () => {
    const { code, output } = await cli(['init'], fileAnswers());
    expect(output).toContain('1 in scope, 0 out of scope, 0 inactive, 0 rejected');
    expect(output).toMatch(/pass {2}acme: Omni: the key is accepted/);
    expect(output).not.toContain(KEY);
    expect(code).toBe(0);
    const yaml = readFileSync(join(folder, 'config/omni-sync.yaml'), 'utf8');
    expect(yaml).toContain('displayName: first_name + " " + last_name');
    expect(yaml).not.toContain(KEY);
    expect(readFileSync(join(folder, 'config/omni-api-key'), 'utf8').trim()).toBe(KEY);
    expect(statSync(join(folder, 'config/omni-api-key')).mode & 0o777).toBe(0o600);
    expect((await cli(['run'])).output).toContain('acme: 1 in step, 0 waiting, 0 failed');
    expect(sandbox.state().users).toMatchObject([{ userName: 'jo@example.com', displayName: 'Jo Li' }]);
  });

  it('puts a question again after an answer that cannot be', async () => {
    const lines = ['tape', 'file', 'nobody.csv', 'people.csv', 'no_such(', 'employee_id'];
    const { code, output } = await cli(
      ['init'],
      `${lines.join('\n')}\n${fileAnswers().split('\n').slice(3).join('\n')}`,
    );
    expect(output).toContain('answer file or ldap');
    expect(output).toContain('nobody.csv does not exist');
    expect(code).toBe(0);
  });

  it('overwrites nothing', async () => {
    mkdirSync(join(folder, 'config'));
    writeFileSync(join(folder, 'config/omni-sync.yaml'), 'mine');
    const { code, output } = await cli(['init'], fileAnswers());
    expect(code).toBe(2);
    expect(output).toContain('is there already and is not overwritten');
    expect(readFileSync(join(folder, 'config/omni-sync.yaml'), 'utf8')).toBe('mine');
  });

  it('writes nothing where the input ends early', async () => {
    const { code, output } = await cli(['init'], 'file\npeople.csv\n');
    expect(code).toBe(2);
    expect(output).toContain('nothing was written');
    expect(existsSync(join(folder, 'config'))).toBe(false);
  });

  it('reads an LDAP server, and keeps its password in a file of its own', async () => {
    const slapd: Slapd = await startSlapd({ people: 1 });
    try {
      const { url, baseDn, readerDn, readerPassword } = slapd;
      const lines = ['ldap', url, baseDn, readerDn, readerPassword, '', '', '', '', '', '', ''];
      const rest = [sandbox.url, KEY, '', 'acme', ''];
      const { code, output } = await cli(['init'], `${[...lines, ...rest].join('\n')}\n`);
      expect(output).toContain('1 in scope');
      expect(code).toBe(0);
      expect(output).not.toContain(readerPassword);
      expect(readFileSync(join(folder, 'config/ldap-password'), 'utf8').trim()).toBe(readerPassword);
    } finally {
      await slapd.stop();
    }
  });
});
