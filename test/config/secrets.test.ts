// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own ${…} is under test
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../config/load.ts';
import { secretsOf } from '../../config/secrets.ts';
import { folder, LDAP, load, refusal, refusalOf, right, spoilt, write } from './settings.ts';

const S = 'syncs[0]';

/** Each place where a secret stands, with what else must stand there. */
const PLACES: readonly (readonly [path: string, value: (secret: string) => unknown])[] = [
  ['redis.password', (secret) => secret],
  ['redis.encryptionKey', (secret) => secret],
  ['redis.url', (secret) => `redis://user:${secret}@redis:6379`],
  ['redis.cluster', (secret) => [`redis://:${secret}@redis:6379`]],
  ['server.token', (secret) => secret],
  ['server.tokens', (secret) => [{ name: 'a', scope: 'read', token: secret }]],
  ['alerts', (secret) => [{ webhook: `https://hooks.example.com/${secret}` }]],
  ['alerts', (secret) => [{ webhook: 'https://hooks.example.com/', secret }]],
  [`${S}.directory`, (secret) => ({ ...LDAP, bindDn: 'cn=a', bindPassword: secret })],
  [`${S}.omni.apiKey`, (secret) => secret],
  [`${S}.omni`, (secret) => ({ url: 'https://a.co', apiKeys: ['another', secret] })],
  [`${S}.omni.proxy`, (secret) => `http://user:${secret}@proxy:3128`],
  [`${S}.leavers.before`, (secret) => `https://hooks.example.com/${secret}`],
];

const CANARY = 'cAnArY-0123456789-0123456789-0123456789';

/** The ways in which people get a setting wrong. */
const MANGLE: readonly ((value: unknown) => unknown)[] = [
  (value) => [value],
  (value) => ({ [CANARY]: value }),
  (value) => ({ value }),
  (value) => (typeof value === 'string' ? ` ${value}\n two` : { ...Object(value), [CANARY]: value }),
  (value) => (typeof value === 'string' ? `\${${value}` : null),
  (value) => (typeof value === 'string' ? `https://me:${value}@x/${value}` : value),
  (value) => (typeof value === 'string' ? `\u0000${value}` : value),
];

const shown = (error: Error) =>
  [error.message, inspect(error, { depth: 9 }), JSON.stringify(error), error.stack].join('\n');

describe('secretsOf', () => {
  it.each(PLACES)('finds the one in %s', (path, value) => {
    expect(secretsOf(load(spoilt(path, value(CANARY)))).some((secret) => secret.includes(CANARY))).toBe(true);
  });

  it('has passwords of URLs as written and decoded, each once, the longest first', () => {
    const config = load(spoilt('redis', { url: 'redis://:p%40ssword@r', password: 'p@ssword' }));
    expect(secretsOf(config)).toEqual(['key-of-acme-0123456789', 'p%40ssword', 'p@ssword']);
  });
});

describe('a secret', () => {
  it('shows in no message, whatever is wrong with its setting', () => {
    const places = PLACES.flatMap(([path, value]) =>
      MANGLE.map((mangle) => [path, mangle(value(CANARY))] as const),
    );
    let refused = 0;
    for (const [path, value] of places) {
      try {
        expect(JSON.stringify(load(spoilt(path, value)).warnings)).not.toContain(CANARY);
      } catch (error) {
        if (!(error instanceof Error && 'faults' in error)) throw error;
        expect(shown(error)).not.toContain(CANARY);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(places.length / 2);
  });

  it('shows in no message about another setting', () => {
    for (const [path, value] of PLACES) {
      const tree = { ...spoilt(path, value(CANARY)), bogus: CANARY };
      expect(shown(refusal(tree))).not.toContain(CANARY);
    }
  });

  it('shows in no message where it stands in any other setting, key or file name', () => {
    const keys = [
      'schedule',
      'timezone',
      'policy',
      'adopt',
      'drift',
      'name',
      'directory',
      'users',
      'omni',
      'leavers',
      'bogus',
    ];
    const wrong = [
      CANARY,
      [CANARY],
      { [CANARY]: CANARY },
      { type: CANARY, url: CANARY },
      { apiKeyFile: CANARY },
    ];
    for (const key of keys) {
      for (const value of wrong) expect(shown(refusal(spoilt(`${S}.${key}`, value)))).not.toContain(CANARY);
    }
  });

  it('shows in no message about its file', () => {
    const cwd = folder();
    write(`${cwd}/secret`, `${CANARY} with blanks\n${CANARY}`);
    const tree = right();
    tree.syncs[0].omni = { url: 'https://a.co', apiKeyFile: 'secret' };
    expect(shown(refusal(tree, {}, cwd))).not.toContain(CANARY);
    tree.syncs[0].omni.apiKeyFile = '${KEY}';
    expect(shown(refusal(tree, { KEY: CANARY }, cwd))).not.toContain(CANARY);
  });

  it('shows in no message about YAML that cannot be read', () => {
    const texts = [
      `a: "${CANARY}\\q"`,
      `a: b: ${CANARY}`,
      `- a\n${CANARY}: b`,
      `a: *${CANARY}`,
      `a: !${CANARY} b`,
    ];
    for (const text of texts) {
      const path = write(`${folder()}/c.yaml`, text);
      expect(shown(refusalOf(() => loadConfig({ path, env: {}, cwd: '/' })))).not.toContain(CANARY);
    }
  });
});
