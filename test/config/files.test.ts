// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own ${…} is under test
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { loadConfig } from '../../config/load.ts';
import { markAt } from '../../config/watch.ts';
import { folder, LDAP, load, refusal, right, spoilt, write } from './settings.ts';

const S = 'syncs[0]';

describe('a secret in a file', () => {
  const twins: readonly (readonly [string, unknown, string])[] = [
    ['redis.passwordFile', {}, 'password'],
    ['redis.encryptionKeyFile', {}, 'encryptionKey'],
    ['server.tokenFile', {}, 'token'],
    [`${S}.omni.apiKeyFile`, {}, 'apiKey'],
    [`${S}.directory.bindPasswordFile`, {}, 'bindPassword'],
  ];
  const value = 'a-secret-of-more-than-32-characters-0123';

  const withFile = (path: string, content: string, mode = 0o600, cwd = folder()) => {
    write(join(cwd, 'secret'), content);
    chmodSync(join(cwd, 'secret'), mode);
    const tree = spoilt(path, './secret') as ReturnType<typeof right>;
    if (path.includes('apiKey')) tree.syncs[0].omni.apiKey = undefined;
    if (path.includes('bind'))
      tree.syncs[0].directory = { ...LDAP, type: 'ldap', bindDn: 'cn=a', bindPasswordFile: './secret' };
    return tree;
  };

  it.each(twins)('stands for %s without the newline at its end', (path) => {
    for (const end of ['', '\n', '\r\n']) {
      const cwd = folder();
      expect(JSON.stringify(load(withFile(path, value + end, 0o600, cwd), {}, cwd))).toContain(`"${value}"`);
    }
  });

  it('is a list of keys where it has several lines, the newest first', () => {
    const cwd = folder();
    const lines = `${value}\r\n\n${value}-older\n`;
    const tree = withFile('redis.encryptionKeyFile', lines, 0o600, cwd);
    const keys = [value, `${value}-older`];
    expect(load(tree, {}, cwd).redis.encryptionKeys).toEqual(keys);
    expect(load(spoilt('redis.encryptionKey', keys)).redis.encryptionKeys).toEqual(keys);
    expect(load(spoilt('redis.encryptionKey', value)).redis.encryptionKeys).toEqual([value]);
    for (const wrong of [[value, 'short'], [], [value, 7]]) {
      expect(refusal(spoilt('redis.encryptionKey', wrong)).faults).toHaveLength(1);
    }
    const short = withFile('redis.encryptionKeyFile', `${value}\nshort\n`, 0o600, cwd);
    expect(refusal(short, {}, cwd).message).toContain('shorter than 32');
  });

  it('signs alerts, and stands for one token or key of several', () => {
    const cwd = folder();
    write(join(cwd, 's'), `${value}\n`);
    const tree = {
      ...spoilt(`${S}.omni`, { url: 'https://a.co', apiKeys: [{ file: 's' }, 'another-key'] }),
      alerts: [{ webhook: 'https://a.b/c', secretFile: 's' }],
      server: { tokens: [{ name: 'ops', scope: 'operate', tokenFile: 's' }] },
    };
    const config = load(tree, {}, cwd);
    expect(config.alerts[0]?.secret).toBe(value);
    expect(config.server.tokens).toEqual([{ name: 'ops', scope: 'operate', token: value }]);
    expect(config.syncs[0]?.omni.apiKeys).toEqual([
      { value, source: { path: join(cwd, 's'), mark: markAt(join(cwd, 's')) } },
      { value: 'another-key' },
    ]);
  });

  it.each(twins)('is refused for %s where it is empty or no text', (path) => {
    const cwd = folder();
    expect(refusal(withFile(path, '\n\n', 0o600, cwd), {}, cwd).faults).toMatchObject([
      { path, message: expect.stringContaining('is empty') },
    ]);
    expect(refusal(withFile(path, 'x'.repeat(70_000), 0o600, cwd), {}, cwd).message).toContain(
      'is larger than 65536 bytes',
    );
  });

  it('warns where every user of the host may read it', () => {
    for (const [mode, count] of [
      [0o600, 0],
      [0o640, 0],
      [0o644, 1],
      [0o604, 1],
    ] as const) {
      const cwd = folder();
      const { warnings } = load(withFile('redis.passwordFile', value, mode, cwd), {}, cwd);
      expect(warnings).toHaveLength(count);
      expect(warnings.join()).not.toContain(value);
    }
  });

  it('warns where the configuration itself holds one for all to read', () => {
    const cwd = folder();
    const path = write(join(cwd, 'c.yaml'), stringify(right()));
    chmodSync(path, 0o644);
    expect(loadConfig({ path, env: {}, cwd }).warnings).toEqual([
      expect.stringMatching(/c\.yaml holds a secret.*chmod 600/),
    ]);
    write(path, stringify(spoilt(`${S}.omni.apiKey`, '${KEY}')));
    expect(loadConfig({ path, env: { KEY: 'key-from-the-environment' }, cwd }).warnings).toEqual([]);
  });
});

describe('warnings', () => {
  it('name a schedule for full reads where the directory tells no changes', () => {
    const warningsOf = (directory: unknown) => {
      const config = spoilt(`${S}.directory`, directory);
      const syncs = (config.syncs as object[]).map((sync) => ({ ...sync, fullSchedule: '0 3 * * *' }));
      return load({ ...config, syncs }).warnings;
    };
    expect(warningsOf(LDAP)).toEqual([]);
    const idle = [expect.stringMatching(/fullSchedule is without effect/)];
    expect(warningsOf({ ...LDAP, changes: 'none' })).toEqual(idle);
    expect(warningsOf({ type: 'file', path: 'people.csv' })).toEqual(idle);
  });

  it('name passwords that travel unencrypted and tokens that are short', () => {
    const clear = { ...LDAP, bindDn: 'cn=a', bindPassword: 'pw' };
    const warningsOf = (url: string, more = {}) =>
      load(spoilt(`${S}.directory`, { ...clear, url, ...more })).warnings;
    expect(warningsOf('ldap://ldap.example.com')).toEqual([expect.stringMatching(/unencrypted: use ldaps/)]);
    expect(warningsOf('ldap://ldap.example.com', { startTls: true })).toEqual([]);
    expect(warningsOf('ldap://127.0.0.1:389')).toEqual([]);
    expect(warningsOf('ldaps://ldap.example.com')).toEqual([]);
    expect(load(spoilt('server.token', 'short')).warnings).toEqual([
      expect.stringMatching(/shorter than 32/),
    ]);
  });
});
