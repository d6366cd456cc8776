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

describe('defaults', () => {
  it('fill in all but what must be said', () => {
    expect(load(spoilt('dataDir', '/d'))).toEqual({
      file: expect.stringMatching(/^\/.*omni-sync\.yaml$/),
      warnings: [],
      dataDir: '/d',
      redis: { place: { type: 'private' }, tls: false },
      server: { host: '127.0.0.1', port: 8787, tokens: [] },
      alerts: [],
      syncs: [
        {
          name: 'acme',
          schedule: '*/15 * * * *',
          timezone: 'UTC',
          directory: { type: 'file', path: expect.stringMatching(/^\/.*people\.csv$/), format: 'csv' },
          users: { id: 'employee_id', userName: 'email', displayName: 'name', attributes: {} },
          omni: {
            url: 'https://acme.omniapp.co',
            apiKeys: [{ value: 'key-of-acme-0123456789' }],
            requestsPerMinute: 60,
            timeoutMs: 30_000,
          },
          policy: 'upsert',
          adopt: 'always',
          drift: { otherwise: 'report', fields: {} },
          leavers: {
            action: 'deactivate',
            graceMs: { missing: 604_800_000, inactive: 604_800_000, outOfScope: 604_800_000 },
            limit: { percent: 2, people: 5 },
            protect: [],
          },
        },
      ],
    });
  });

  it('of ldap read people in pages', () => {
    expect(syncOf('directory', LDAP).directory).toEqual({
      ...LDAP,
      filter: '(objectClass=person)',
      multi: [],
      pageSize: 500,
      startTls: false,
      timeoutMs: 30_000,
    });
  });
});

describe('sections', () => {
  it('redis is a server, a socket, a cluster or sentinels', () => {
    const placeOf = (redis: unknown) => load(spoilt('redis', redis)).redis.place;
    expect(placeOf({ url: '/run/redis.sock' })).toEqual({ type: 'single', url: '/run/redis.sock' });
    expect(placeOf({ cluster: ['redis://a:1', 'rediss://b:2'] })).toEqual({
      type: 'cluster',
      urls: ['redis://a:1', 'rediss://b:2'],
    });
    expect(placeOf({ sentinel: { name: 'm', hosts: ['a:1', '[::1]:2'] } })).toEqual({
      type: 'sentinel',
      name: 'm',
      hosts: [
        { host: 'a', port: 1 },
        { host: '::1', port: 2 },
      ],
    });
    expect(load(spoilt('redis', { url: 'redis://a', tls: true })).redis.tls).toEqual({});
  });

  it('server listens beyond loopback with a token alone', () => {
    for (const listen of ['localhost:80', '127.0.0.1:80', '127.1.2.3:80', '[::1]:80']) {
      expect(load(spoilt('server', { listen })).server.tokens).toEqual([]);
    }
    for (const listen of ['0.0.0.0:80', '[::]:80', '10.0.0.1:80', 'example.com:80']) {
      expect(refusal(spoilt('server', { listen })).faults).toMatchObject([{ path: 'server.token' }]);
      expect(load(spoilt('server', { listen, token: 't'.repeat(32) })).server.tokens).toHaveLength(1);
    }
  });

  it('users keep expressions as text, constants too', () => {
    const users = {
      id: 'a',
      userName: 'b',
      displayName: 'c',
      active: true,
      attributes: { n: 3, r: 'office', k: { value: 'x', keep: true } },
    };
    expect(syncOf('users', users).users).toEqual({
      ...users,
      active: 'true',
      attributes: {
        n: { value: '3', keep: false },
        r: { value: 'office', keep: false },
        k: { value: 'x', keep: true },
      },
    });
  });

  it('drift is one mode, or one for each known field', () => {
    expect(syncOf('drift', 'repair').drift).toEqual({ otherwise: 'repair', fields: {} });
    expect(syncOf('drift', { active: 'ignore' }).drift).toEqual({
      otherwise: 'report',
      fields: { active: 'ignore' },
    });
  });

  it('alerts tell of everything where nothing is named', () => {
    expect(load(spoilt('alerts', [{ command: ['notify', '--urgent now'] }])).alerts).toEqual([
      {
        command: ['notify', '--urgent now'],
        on: ['held', 'halted', 'quarantined', 'incomplete', 'silence', 'hollow', 'drift', 'keyRefused'],
      },
    ]);
  });

  it.each(['*/5 * * * *', '30 */5 * * * *', '0 9 * * MON-FRI', '0 0 1 jan *'])(
    'schedule %j is one',
    (schedule) => {
      expect(syncOf('verifySchedule', schedule).verifySchedule).toBe(schedule);
    },
  );
});
