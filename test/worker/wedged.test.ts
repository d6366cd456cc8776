/** Queue clients that never answer again, as a BullMQ that is parked: the loops are begun anew, and all that waits is carried out. */
import { Worker } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../config/load.ts';
import { addVerifyJob } from '../../jobs/add.ts';
import { createLog } from '../../ops/log.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { compose, type Daemon } from '../../worker/compose.ts';
import { type Service, startService } from '../../worker/service.ts';
import { ask } from '../../worker/sync.ts';
import { folder, write } from '../config/settings.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/service.ts';

interface Parkable {
  waitForJob(until: number): Promise<number>;
}

const parked = new Set<unknown>();
const seen = new Set<unknown>();
const lines: string[] = [];
let server: TestRedis;
let sandbox: Sandbox;
let daemon: Daemon;
let service: Service;
let home: string;

beforeAll(async () => {
  const parkable = Worker.prototype as unknown as Parkable;
  const answer = parkable.waitForJob;
  vi.spyOn(parkable, 'waitForJob').mockImplementation(async function (this: unknown, at) {
    seen.add(this);
    const answered = await answer.call(this as Parkable, at);
    return parked.has(this) ? new Promise(() => undefined) : answered;
  });
  server = await startRedis();
  sandbox = await startSandbox({ requestsPerMinute: 6_000 });
  home = folder();
  people(1);
  const path = write(`${home}/omni-sync.yaml`, configuration());
  const config = loadConfig({ path, env: {}, cwd: home });
  const log = createLog({ level: 'info', secrets: [], stream: { write: (line) => lines.push(line) } });
  daemon = await compose({ config, log, rebind: false });
  service = startService({ daemon, config, log, roles: ['scheduler', 'worker'] });
});

afterAll(async () => {
  await service.stop();
  await daemon.close();
  await sandbox.close();
  await server.stop();
  vi.restoreAllMocks();
});

function people(count: number): void {
  const rows = Array.from({ length: count }, (_, i) => `E${i},p${i}@example.com,P ${i}`);
  write(`${home}/people.csv`, `id,email,name\n${rows.join('\n')}\n`);
}

function configuration(): string {
  return `
redis: { url: ${server.path} }
syncs:
  - name: acme
    schedule: "0 0 1 1 *"
    verifySchedule: "0 0 1 1 *"
    directory: { type: file, path: people.csv }
    users: { id: id, userName: email, displayName: name }
    omni: { url: "${sandbox.url}", apiKey: omni-sandbox-key, requestsPerMinute: 6000 }
    policy: upsert
`;
}

describe('a wedged client of the queue', () => {
  it('is begun anew within 60 s, and what waits is carried out', async () => {
    await service.settled;
    await until(() => sandbox.state().users.length === 1 && seen.size >= 3);
    for (const worker of seen) parked.add(worker);
    const since = performance.now();
    people(4);
    const [sync] = service.syncs();
    if (sync === undefined) throw new Error('no sync runs');
    await ask(sync, { by: 'test', full: false });
    await addVerifyJob(sync.queues);
    await until(() => sandbox.state().users.length === 4);
    await until(async () => (await sync.ledger.drift.lastPass()) !== undefined);
    expect(performance.now() - since).toBeGreaterThan(15_000);
    const told = lines.join('\n');
    expect(told).toContain('of the role worker, is wedged');
    expect(told).toContain('the queue verify, of the role scheduler, is wedged');
    expect(told).toContain('the queue reconcile, of the role scheduler, is wedged');
    expect(service.health().alive).toBe(true);
  });
});
