/** Alarms as an operator gets them: a signed webhook, a command, each once, over restarts, and when it is over. */
import { createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { ask } from '../ops/serving.ts';
import { type HttpServer, startHttpServer } from '../support/http-server.ts';
import { it, type Journey, somePeople } from '../support/journey.ts';
import { endInOrder, listen, until } from '../support/service.ts';

const SECRET = 'a-secret-of-at-least-32-characters!';

interface Told {
  readonly text: string;
  readonly event: string;
  readonly state: string;
  readonly sync: string;
  readonly facts: Record<string, unknown>;
}

const hooks: HttpServer[] = [];
let hook: HttpServer;
beforeAll(async () => {
  hook = await open();
});
afterAll(() => Promise.all(hooks.map((one) => one.close())));

async function open(): Promise<HttpServer> {
  const server = await startHttpServer();
  server.answer((_, response) => response.end('ok'));
  hooks.push(server);
  return server;
}

const told = ({ got }: HttpServer) => got.map(({ body }) => JSON.parse(body) as Told);
const of = (server: HttpServer, event: string, state: string) =>
  told(server).filter((one) => one.event === event && one.state === state);

function alerted(journey: Journey, alerts: string): void {
  journey.configure(
    (yaml) => `alerts: ${alerts}\n${yaml.replace('policy:', 'schedule: "* * * * * *"\n    policy:')}`,
  );
}

describe.concurrent('alarms', () => {
  it('of a refused person come once, signed, over a restart, and are over once it is mended', async ({
    install,
  }) => {
    const journey = await install(somePeople(4));
    const file = join(journey.folder, 'told.jsonl');
    journey.write('told.sh', `#!/bin/sh\ncat >> ${file}\necho >> ${file}\n`);
    alerted(
      journey,
      `[{ webhook: "${hook.url}/hook", secret: "${SECRET}" }, { command: [sh, told.sh], on: [quarantined] }]`,
    );
    const users = '/api/scim/v2/users';
    const refuse = { kind: 'status', status: 400, body: '{"error":"no"}' } as const;
    journey.sandbox.fault({ method: 'POST', path: users, userName: 'person.2@example.com', fault: refuse });
    const first = journey.start('start');
    await until(() => of(hook, 'quarantined', 'firing').length > 0);
    await until(() => existsSync(file));
    await endInOrder(first);
    const second = journey.start('start');
    // Looked at again, several times.
    await until(() => journey.sandbox.state().users.length === 3);
    journey.people(somePeople(5));
    await until(() => journey.sandbox.state().users.length === 4);
    journey.sandbox.clearFaults();
    expect((await journey.cli('retry', '--all')).code).toBe(0);
    await until(() => of(hook, 'quarantined', 'resolved').length > 0);
    await endInOrder(second);

    expect(of(hook, 'quarantined', 'firing')).toHaveLength(1);
    const [message] = of(hook, 'quarantined', 'firing');
    expect(message).toMatchObject({ sync: 'acme', facts: { count: 1, codes: ['omni.refused'] } });
    expect(message?.text).toContain('omni-sync acme: 1 set aside');
    const [got] = hook.got;
    const time = String(got?.headers['x-omni-sync-timestamp']);
    const signature = createHmac('sha256', SECRET).update(`${time}.${got?.body}`).digest('hex');
    expect(got?.headers['x-omni-sync-signature']).toBe(`v1=${signature}`);
    expect(JSON.stringify(told(hook))).not.toMatch(/example\.com|Person Number/);
    const commanded = readFileSync(file, 'utf8').trim().split('\n');
    expect(commanded.map((line) => (JSON.parse(line) as Told).state)).toEqual(['firing', 'resolved']);
  });

  it('of silence come while the worker process is stopped, readiness with them, and are over when it goes on', async ({
    install,
  }) => {
    const own = await open();
    const journey = await install(somePeople(2));
    alerted(journey, `[{ webhook: "${own.url}/hook", on: [silence] }]`);
    const [scheduler, worker] = ['scheduler,server', 'worker'].map((role) =>
      journey.start('start', '--role', role),
    );
    if (scheduler === undefined || worker === undefined) throw new Error('not started');
    const url = String((await listen(scheduler)('listening')).url);
    const readiness = async () => (await ask(url, '/readyz')).status;
    await until(() => journey.sandbox.state().users.length === 2);
    // It has given a sign of life.
    await until(async () => (await journey.cli('status')).code === 0);
    await until(async () => (await readiness()) === 200);
    worker.child.kill('SIGSTOP');
    await until(() => of(own, 'silence', 'firing').length > 0);
    expect(of(own, 'silence', 'firing')[0]?.facts).toEqual({ code: 'silence.worker' });
    expect(await readiness()).toBe(503);
    worker.child.kill('SIGCONT');
    await until(() => of(own, 'silence', 'resolved').length > 0);
    await until(async () => (await readiness()) === 200);
    await endInOrder(worker);
    await endInOrder(scheduler);
    expect(told(own)).toHaveLength(2);
  });

  it('of a read that held nobody come though a webhook is away at first', async ({ install }) => {
    const own = await open();
    own.answer(
      (_, response) => void response.writeHead(503).end(),
      (_, response) => response.end('ok'),
    );
    const journey = await install(somePeople(1));
    alerted(journey, `[{ webhook: "${own.url}/hook", on: [hollow] }]`);
    journey.people([]);
    const service = journey.start('start');
    await until(() => own.got.length >= 2);
    await endInOrder(service);
    expect(told(own).map(({ event }) => event)).toEqual(['hollow', 'hollow']);
  });
});
