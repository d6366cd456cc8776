import { describe, expect, it } from 'vitest';
import { LDAP, load, refusal, spoilt } from './settings.ts';

const S = 'syncs[0]';
const syncOf = (path: string, value: unknown) => {
  const [sync] = load(spoilt(`${S}.${path}`, value)).syncs;
  if (sync === undefined) throw new Error('no sync');
  return sync;
};

describe('defaults', () => {
  it('fill in all but what must be said', () => {
    expect(load(spoilt('dataDir', '/d'))).toEqual({
      file: expect.stringMatching(/^\/.*omni-sync\.yaml$/),
      mark: expect.stringMatching(/^[\d.]+ \d+ \d+$/),
      warnings: [],
      dataDir: '/d',
      redis: { place: { type: 'private' }, tls: false, encryptionKeys: [] },
      server: { host: '127.0.0.1', port: 8787, tokens: [] },
      alerts: [],
      audit: { retentionMs: 400 * 24 * 3600 * 1000, values: false, required: false },
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
      changes: 'modifyTimestamp',
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
        on: [
          'held',
          'halted',
          'quarantined',
          'incomplete',
          'silence',
          'hollow',
          'drift',
          'keyRefused',
          'redis',
        ],
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
