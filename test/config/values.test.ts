// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own ${…} is under test
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LDAP, load, refusal, spoilt } from './settings.ts';

const S = 'syncs[0]';
const syncOf = (path: string, value: unknown) => {
  const [sync] = load(spoilt(`${S}.${path}`, value)).syncs;
  if (sync === undefined) throw new Error('no sync');
  return sync;
};
const isRefused = (path: string, value: unknown) =>
  refusal(spoilt(path, value)).faults.every((fault) => fault.path === path);

describe('omni.url', () => {
  it.each([
    ['https://acme.omniapp.co', 'https://acme.omniapp.co'],
    ['https://acme.omniapp.co/', 'https://acme.omniapp.co'],
    ['https://acme.omniapp.co/api', 'https://acme.omniapp.co'],
    ['https://acme.omniapp.co/api/', 'https://acme.omniapp.co'],
    ['https://acme.omniapp.co/api/scim/v2', 'https://acme.omniapp.co'],
    ['https://acme.omniapp.co/api/scim/v2/', 'https://acme.omniapp.co'],
    ['https://acme.omniapp.co/API/SCIM/v2//', 'https://acme.omniapp.co'],
    ['  https://ACME.OmniApp.co  ', 'https://acme.omniapp.co'],
    ['https://acme.omniapp.co:443/api', 'https://acme.omniapp.co'],
    ['https://bi.acme.com:8443/api', 'https://bi.acme.com:8443'],
    ['https://acme.playground.exploreomni.dev/api/scim/v2', 'https://acme.playground.exploreomni.dev'],
    ['http://localhost:3000/api', 'http://localhost:3000'],
    ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
    ['http://127.9.9.9', 'http://127.9.9.9'],
    ['http://[::1]:3000/api/scim/v2', 'http://[::1]:3000'],
  ])('%j is %s', (written, normal) => {
    expect(syncOf('omni.url', written).omni.url).toBe(normal);
  });

  it.each([
    'http://acme.omniapp.co',
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://0.0.0.0:3000',
    'http://[::2]',
    'ftp://acme.omniapp.co',
    'acme.omniapp.co',
    'acme.omniapp.co:443',
    '//acme.omniapp.co',
    'https://',
    'https://me@acme.omniapp.co',
    'https://:pw@acme.omniapp.co',
    'https://acme.omniapp.co/api/v1',
    'https://acme.omniapp.co/api/scim/v2/users',
    'https://acme.omniapp.co/?x=1',
    'https://acme.omniapp.co/#a',
    'javascript:alert(1)',
  ])('%j is refused', (written) => {
    expect(isRefused(`${S}.omni.url`, written)).toBe(true);
  });
});

describe('durations', () => {
  const SIZES = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

  it.each([
    ['30s', 30_000],
    ['1m', 60_000],
    ['1m30s', 90_000],
    ['1500ms', 1500],
    [' 2M ', 120_000],
  ])('%j is %d milliseconds', (written, length) => {
    expect(syncOf('omni.timeout', written).omni.timeoutMs).toBe(length);
  });

  it('is the sum of its parts, the largest first', () => {
    const parts = fc.tuple(fc.nat(4), fc.nat(40), fc.nat(100), fc.nat(200), fc.nat(500), fc.nat(999));
    fc.assert(
      fc.property(parts, (counts) => {
        const units = Object.keys(SIZES).map((unit, index) => `${counts[index]}${unit}`);
        const length = Object.values(SIZES).reduce(
          (sum, size, index) => sum + size * (counts[index] ?? 0),
          0,
        );
        expect(syncOf('leavers.grace', units.join('')).leavers.graceMs.missing).toBe(length);
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    '',
    '7',
    '7 days',
    '1.5h',
    '-1h',
    '1h1h',
    '1m1h',
    'P7D',
    '1h 30m',
    '9999999999s',
    7,
    null,
    ['7d'],
  ])('refuses %j', (written) => {
    expect(isRefused(`${S}.leavers.grace`, written)).toBe(true);
  });
});

describe('leavers', () => {
  it.each([
    ['2%', { percent: 2 }],
    ['2.5%', { percent: 2.5 }],
    ['50 %', { percent: 50 }],
    ['0%', { percent: 0 }],
    [20, { people: 20 }],
    ['20', { people: 20 }],
    [0, { people: 0 }],
    [undefined, { percent: 2, people: 5 }],
  ])('limit %j is %j', (written, limit) => {
    expect(syncOf('leavers.limit', written).leavers.limit).toEqual(limit);
  });

  it.each([
    '51%',
    '100%',
    '-1%',
    '%',
    '2 percent',
    'two',
    '1e2',
    2.5,
    -1,
    Number.POSITIVE_INFINITY,
    true,
    [],
  ])('limit %j is refused', (written) => {
    expect(isRefused(`${S}.leavers.limit`, written)).toBe(true);
  });

  it('has a grace for each cause', () => {
    const day = 86_400_000;
    expect(syncOf('leavers.grace', '1d').leavers.graceMs).toEqual({
      missing: day,
      inactive: day,
      outOfScope: day,
    });
    expect(syncOf('leavers.grace', { inactive: '0s' }).leavers.graceMs).toEqual({
      missing: 7 * day,
      inactive: 0,
      outOfScope: 7 * day,
    });
    expect(syncOf('leavers', undefined).leavers).toMatchObject({
      action: 'deactivate',
      protect: [],
      graceMs: { missing: 7 * day },
    });
  });

  it('takes a hook as a command, its parts, or an address', () => {
    const hookOf = (before: unknown) => syncOf('leavers.before', before).leavers.before;
    expect(hookOf('hand-over --fast')).toEqual({ command: ['hand-over', '--fast'] });
    expect(hookOf(['/bin/sh', '-c', 'echo "$1"'])).toEqual({ command: ['/bin/sh', '-c', 'echo "$1"'] });
    expect(hookOf('https://hooks.example.com/a?b=c')).toEqual({ url: 'https://hooks.example.com/a?b=c' });
  });
});

describe('numbers and switches', () => {
  it('come from the environment', () => {
    const tree = spoilt(`${S}.directory`, {
      ...LDAP,
      url: 'ldap://localhost',
      pageSize: '${N}',
      startTls: '${T}',
    });
    expect(load(tree, { N: '70', T: 'true' }).syncs[0]?.directory).toMatchObject({
      pageSize: 70,
      startTls: true,
    });
    expect(refusal(tree, { N: '7x', T: 'yes' }).faults.map(({ path }) => path)).toEqual([
      `${S}.directory.pageSize`,
      `${S}.directory.startTls`,
    ]);
  });
});
