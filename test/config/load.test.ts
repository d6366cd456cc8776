// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own ${…} is under test
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { loadConfig } from '../../config/load.ts';
import { markAt } from '../../config/watch.ts';
import { folder, load, refusal, refusalOf, right, spoilt, write } from './settings.ts';

const S = 'syncs[0]';
const EXAMPLE = fileURLToPath(new URL('../../config/omni-sync.example.yaml', import.meta.url));

describe('loadConfig', () => {
  it('takes the path, then OMNI_SYNC_CONFIG, then config/omni-sync.yaml', () => {
    const cwd = folder();
    mkdirSync(join(cwd, 'config'));
    const text = stringify(right());
    for (const name of ['a.yaml', 'b.yaml', 'config/omni-sync.yaml']) write(join(cwd, name), text);
    const env = { OMNI_SYNC_CONFIG: 'b.yaml' };
    expect(loadConfig({ path: 'a.yaml', env, cwd }).file).toBe(join(cwd, 'a.yaml'));
    expect(loadConfig({ env, cwd }).file).toBe(join(cwd, 'b.yaml'));
    expect(loadConfig({ env: {}, cwd }).file).toBe(join(cwd, 'config/omni-sync.yaml'));
    expect(loadConfig({ env: { OMNI_SYNC_CONFIG: '' }, cwd }).file).toBe(join(cwd, 'config/omni-sync.yaml'));
  });

  it('says who named a file that is not there', () => {
    const cwd = folder();
    const messageOf = (options: object) => refusalOf(() => loadConfig({ env: {}, cwd, ...options })).message;
    expect(messageOf({ path: 'x.yaml' })).toMatch(
      /x\.yaml cannot be used.*\n.*does not exist.*--config names it/,
    );
    expect(messageOf({ env: { OMNI_SYNC_CONFIG: 'y.yaml' } })).toMatch(/OMNI_SYNC_CONFIG names it/);
    expect(messageOf({})).toMatch(/config\/omni-sync\.yaml.*\n.*omni-sync init/);
  });

  it('resolves relative paths against the folder of the file', () => {
    const cwd = folder();
    mkdirSync(join(cwd, 'etc'));
    write(join(cwd, 'etc/key'), 'key-in-a-file\n');
    const tree = { ...right(), dataDir: 'state' };
    tree.syncs[0].omni = { url: 'https://a.co', apiKeyFile: 'key' };
    Object.assign(tree.syncs[0], { leavers: { before: './bye.sh now' } });
    const config = loadConfig({ path: write(join(cwd, 'etc/c.yaml'), stringify(tree)), env: {}, cwd });
    expect(config.dataDir).toBe(join(cwd, 'etc/state'));
    expect(config.syncs[0]?.directory).toEqual({
      type: 'file',
      path: join(cwd, 'etc/people.csv'),
      format: 'csv',
    });
    const source = { path: join(cwd, 'etc/key'), mark: markAt(join(cwd, 'etc/key')) };
    expect(config.syncs[0]?.omni.apiKeys).toEqual([{ value: 'key-in-a-file', source }]);
    expect(config.syncs[0]?.leavers.before).toEqual({ command: [join(cwd, 'etc/bye.sh'), 'now'] });
  });

  it('keeps its data in the working directory, or in OMNI_SYNC_DATA', () => {
    const cwd = folder();
    expect(load(right(), {}, cwd).dataDir).toBe(join(cwd, 'data'));
    expect(load(right(), { OMNI_SYNC_DATA: '/var/lib/x' }, cwd).dataDir).toBe('/var/lib/x');
    expect(load(right(), { OMNI_SYNC_DATA: 'rel' }, cwd).dataDir).toBe(join(cwd, 'rel'));
    expect(load({ ...right(), dataDir: '/own' }, { OMNI_SYNC_DATA: '/env' }, cwd).dataDir).toBe('/own');
  });

  it('refuses to start where the environment turns the check of certificates off', () => {
    const { code, message } = refusal(right(), { NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    expect(code).toBe('config-environment');
    expect(message).toMatch(/NODE_TLS_REJECT_UNAUTHORIZED=0 is set.*name the authority/);
    expect(load(right(), { NODE_TLS_REJECT_UNAUTHORIZED: '1' }).warnings).toEqual([]);
  });

  it('refuses a file of 2 MiB without reading YAML', () => {
    expect(refusal('#'.repeat(2 * 1024 * 1024)).message).toMatch(/is larger than 1048576 bytes/);
  });

  it('refuses folders, pipes, empty files and other encodings', () => {
    const cwd = folder();
    const messageOf = (path: string) => refusalOf(() => loadConfig({ path, env: {}, cwd })).message;
    expect(messageOf(cwd)).toMatch(/is no plain file/);
    execFileSync('sh', ['-c', 'mkfifo pipe'], { cwd });
    expect(messageOf('pipe')).toMatch(/is no plain file/);
    expect(messageOf(write(join(cwd, 'empty'), ''))).toMatch(/is empty: start from/);
    expect(messageOf(write(join(cwd, 'latin1'), Buffer.from('name: J\xfcrgen', 'latin1')))).toMatch(
      /is not UTF-8/,
    );
  });

  it('accepts a byte order mark', () => {
    expect(load(`\uFEFF${stringify(right())}`).syncs).toHaveLength(1);
  });

  it('reports all faults at once, in the order of lines', () => {
    const { faults, message } = refusal(
      [
        'server:',
        '  listen: 0.0.0.0:80',
        '  prot: 80',
        'syncs:',
        '  - name: A B',
        '    schedule: hello',
        '    directory: {type: ldap, url: "https://x"}',
        '    users:',
        '      id: 7',
        '      attributes: {omni_x: a, region: {value: a, kep: true}}',
        '    omni:',
        '      url: acme',
        '      apiKey: ${NOT_SET}',
        '      apiKeyFile: /nowhere',
        '    leavers: {limit: 90%}',
        '    leavers: {}',
      ].join('\n'),
    );
    expect(faults.map(({ line, path }) => `${line} ${path}`)).toEqual([
      '1 server.token',
      '3 server.prot',
      '5 syncs[0].name',
      '5 syncs[0].policy',
      '6 syncs[0].schedule',
      '7 syncs[0].directory.url',
      '7 syncs[0].directory.baseDn',
      '8 syncs[0].users.userName',
      '8 syncs[0].users.displayName',
      '9 syncs[0].users.id',
      '10 syncs[0].users.attributes.region.kep',
      '10 syncs[0].users.attributes.omni_x',
      '12 syncs[0].omni.url',
      '13 syncs[0].omni.apiKey',
      '14 syncs[0].omni.apiKeyFile',
      '14 syncs[0].omni.apiKeyFile',
      '15 syncs[0].leavers.limit',
      '16 syncs[0].leavers',
    ]);
    expect(message).toContain('18 things are wrong');
    expect(message.split('\n')).toHaveLength(19);
  });

  it('leaves redis.url and server.token out where their variable is unset or empty', () => {
    const tree = { ...right(), redis: { url: '${REDIS_URL}' }, server: { token: '${TOKEN}' } };
    for (const env of [{}, { REDIS_URL: '', TOKEN: '' }]) {
      const config = load(tree, env);
      expect(config.redis.place).toEqual({ type: 'private' });
      expect(config.server.tokens).toEqual([]);
    }
    const config = load(tree, { REDIS_URL: 'redis://r:1', TOKEN: 't'.repeat(32) });
    expect(config.redis.place).toEqual({ type: 'single', url: 'redis://r:1' });
    expect(config.server.tokens).toEqual([{ name: 'token', scope: 'approve', token: 't'.repeat(32) }]);
  });

  it('names an unset variable once, everywhere else', () => {
    for (const path of [
      `${S}.omni.apiKey`,
      `${S}.omni.url`,
      `${S}.policy`,
      `${S}.leavers.limit`,
      'redis.username',
    ]) {
      const { faults } = refusal(spoilt(path, '${NOT_SET_HERE}'));
      expect(faults).toEqual([
        {
          path,
          line: expect.any(Number),
          message: expect.stringMatching(/variable NOT_SET_HERE, which is not set/),
        },
      ]);
    }
  });

  it('accepts sections whose keys are all commented out', () => {
    expect(load(`redis:\nserver:\nalerts:\n${stringify(right())}`).redis.place.type).toBe('private');
  });

  it('accepts aliases, and reports a fault in one where it is used', () => {
    const text = stringify(right()).replace('users:', 'users: &people');
    const second = [
      '  - name: b',
      '    policy: full',
      '    users: *people',
      '    omni: {url: "https://b.co", apiKey: kb-1}',
      '    directory: {type: file, path: b.json}',
    ].join('\n');
    expect(load(text + second).syncs[1]?.users.id).toBe('employee_id');
    const line = (part: string) =>
      (text + second).split('\n').findIndex((written) => written.includes(part)) + 1;
    expect(refusal((text + second).replace('employee_id', '7')).faults).toMatchObject([
      { path: 'syncs[0].users.id', line: line('employee_id') },
      { path: 'syncs[1].users.id', line: line('*people') },
    ]);
  });

  it('loads the example with nothing but a key in the environment', () => {
    const env = { OMNI_API_KEY: 'an-api-key-of-omni' };
    const config = loadConfig({ path: EXAMPLE, env, cwd: folder() });
    expect(config.warnings).toEqual([]);
    expect(config.syncs[0]).toMatchObject({
      name: 'acme',
      policy: 'upsert',
      adopt: 'always',
      schedule: '*/15 * * * *',
    });
  });

  it('never throws anything but a ConfigError', () => {
    const junk = fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.string(),
      fc.array(fc.anything({ maxDepth: 1 })),
      fc.object({ maxDepth: 2 }),
    );
    const full = parse(
      stringify({
        ...right(),
        redis: { url: 'redis://a' },
        server: { listen: '127.0.0.1:0', tokens: [] },
        alerts: [{ command: 'x' }],
      }),
    );
    Object.assign(full.syncs[0], {
      drift: { active: 'repair' },
      leavers: { grace: {}, limit: 1, protect: [] },
      timezone: 'UTC',
    });
    const places = placesIn(full);
    fc.assert(
      fc.property(fc.constantFrom(...places), junk, (place, value) => {
        const tree = structuredClone(full);
        place.slice(0, -1).reduce((here, step) => here[step], tree)[place.at(-1) ?? ''] = value;
        try {
          load(JSON.stringify(tree));
        } catch (error) {
          expect(error).toHaveProperty('faults');
        }
      }),
      { numRuns: 80 },
    );
  });
});

function placesIn(value: unknown, path: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    [...path, key],
    ...placesIn(inner, [...path, key]),
  ]);
}
