import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../ops/metrics.ts';
import { countRequests } from '../../worker/count.ts';
import { expectNothingPlanted } from '../support/leaks.ts';
import { crowd } from '../support/people.ts';
import { READ, servingOfFile } from './serving.ts';

const serve = servingOfFile();

describe('createMetrics', () => {
  it('serves exactly what docs/metrics.md lists', async () => {
    const { ask } = await serve();
    const { text, headers } = await ask('/metrics', { token: READ });
    expect(headers['content-type']).toMatch(/^text\/plain/);
    const served = [...text.matchAll(/^# TYPE (omni_\w+) (\w+)$/gm)].map(
      ([, name, type]) => `${name} ${type}`,
    );
    const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const listed = [...page.matchAll(/^\| (omni_\w+) \| (\w+) \|/gm)].map(
      ([, name, type]) => `${name} ${type}`,
    );
    expect(served.toSorted()).toEqual(listed.toSorted());
  });

  it('tells how a sync stands, and names nobody', async () => {
    const { ask, rig } = await serve();
    rig.people.set([...crowd(3), { id: '99', email: 'no address', name: 'X', status: 'active' }]);
    await rig.reconcile();
    const { text } = await ask('/metrics', { token: READ });
    expect(text).toContain('omni_sync_people{sync="acme",state="waiting"} 3');
    expect(text).toContain('omni_sync_people{sync="acme",state="rejected"} 1');
    expect(text).toContain('omni_sync_queue_jobs{sync="acme",queue="apply",state="prioritized"} 3');
    expectNothingPlanted(text);
  });

  it('counts requests by a path without ids', async () => {
    const metrics = createMetrics();
    const send = countRequests(async () => ({ status: 429, headers: {}, body: '' }), { metrics, sync: 'a' });
    await send({
      method: 'GET',
      url: 'https://a.example.net/api/scim/v2/users/3f2a9c1e-1111-4222-8333-444455556666',
    });
    const text = await metrics.text([], {
      alive: true,
      ready: false,
      reasons: [],
      redis: { up: false, memoryRatio: 0 },
      syncs: [],
    });
    expect(text).toContain(
      'omni_sync_omni_requests_total{sync="a",method="GET",route="/api/scim/v2/users/{id}",status="429"} 1',
    );
    expect(text).toContain('omni_sync_omni_throttled_total{sync="a"} 1');
    expect(text).toContain('omni_sync_redis_up 0');
  });
});
