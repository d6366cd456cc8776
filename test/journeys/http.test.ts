import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { ask } from '../ops/serving.ts';
import { it, type Process, somePeople } from '../support/journey.ts';
import { endInOrder, listen } from '../support/service.ts';

/** Where the process serves, once it says so. */
async function listening(process: Process): Promise<string> {
  return String((await listen(process)('listening')).url);
}

describe('the HTTP interface of a service', () => {
  it('is open to who may read the data folder, where no token is configured', async ({ install }) => {
    const journey = await install(somePeople(3));
    const service = journey.start('start');
    const url = await listening(service);
    expect((await ask(url, '/healthz')).status).toBe(200);
    expect((await ask(url, '/api/status')).status).toBe(401);
    const token = readFileSync(join(journey.folder, 'data', 'server-token'), 'utf8').trim();
    const { json } = await ask(url, '/api/status', { token });
    expect(json()).toMatchObject({ syncs: [{ name: 'acme' }] });
    await endInOrder(service);
    expect((await service.ended).stderr).not.toContain(token);
  });

  it('is left out by its role', async ({ install }) => {
    const journey = await install(somePeople(1));
    const [worker, server] = ['scheduler,worker', 'server'].map((role) =>
      journey.start('start', '--role', role),
    );
    if (worker === undefined || server === undefined) throw new Error('not started');
    await listening(server);
    await listen(worker)('started');
    await endInOrder(worker);
    await endInOrder(server);
    expect((await worker.ended).stderr).not.toContain('listening');
  });

  it('that cannot listen ends the start before anything runs', async ({ install }) => {
    const journey = await install(somePeople(1));
    const first = journey.start('start', '--role', 'server');
    const { host } = new URL(await listening(first));
    journey.configure((yaml) => yaml.replace('127.0.0.1:0', host));
    const second = await journey.cli('start');
    expect(second).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('another program has the port'),
    });
    await endInOrder(first);
  });
});
