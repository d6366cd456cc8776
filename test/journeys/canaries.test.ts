/** Secrets and people that are planted, many faults, and a look at all that an installation wrote, keeps and serves. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { APPROVE, ask, OPERATE, READ, TOKENS } from '../ops/serving.ts';
import { type HttpServer, startHttpServer } from '../support/http-server.ts';
import { it, type Journey, somePeople } from '../support/journey.ts';
import { everyKey, expectNothingPlanted } from '../support/leaks.ts';
import { withPrivateRedis } from '../support/ledger.ts';
import { endInOrder, listen, until } from '../support/service.ts';

const USERS = '/api/scim/v2/users';
const KEY = 'canary-of-the-api-key-0123456789abcdef';
const HOOK = 'canary-of-the-webhook-0123456789abcdef';
const SIGNER = 'canary-of-the-signature-0123456789abcdef';
const SECRETS = [KEY, HOOK, SIGNER, READ, OPERATE, APPROVE];
const PEOPLE = somePeople(12);

let hook: HttpServer;
beforeAll(async () => {
  hook = await startHttpServer();
});
afterAll(() => hook.close());

/** What an Omni, or whoever stands before it, may say of the very request that it refuses. */
const echo = (userName: string) =>
  JSON.stringify({
    error: { message: `${userName} Person Number 1 with Bearer ${KEY}`, detail: `key ${KEY}` },
  });

/** One of each kind of fault, each for a person of their own. */
function plantFaults({ sandbox }: Journey): void {
  const body = (status: number, n: number) =>
    ({ kind: 'status', status, body: echo(`person.${n}@example.com`) }) as const;
  const faults = [
    body(400, 0),
    body(422, 1),
    body(500, 2),
    body(429, 3),
    {
      kind: 'redirect',
      status: 307,
      location: `https://elsewhere.example/?to=person.4@example.com&key=${KEY}`,
    },
    { kind: 'html', status: 502 },
    { kind: 'malformed' },
    { kind: 'wrongId' },
    { kind: 'reset' },
    { kind: 'dropAfterCommit' },
    { kind: 'cut' },
  ] as const;
  for (const [n, fault] of faults.entries())
    sandbox.fault({ method: 'POST', path: USERS, userName: `person.${n}@example.com`, times: 1, fault });
}

function configure(journey: Journey): void {
  const tokens = TOKENS.map(
    ({ name, scope, token }) => `{ name: ${name}, scope: ${scope}, token: ${token} }`,
  );
  journey.configure((yaml) =>
    [
      `alerts: [{ webhook: "${hook.url}/${HOOK}", secret: ${SIGNER} }]`,
      yaml
        .replace('127.0.0.1:0" }', `127.0.0.1:0", tokens: [${tokens.join(', ')}] }`)
        .replace('policy:', 'schedule: "* * * * * *"\n    policy:'),
    ].join('\n'),
  );
}

/** Every page and every refusal, by who may read: what is a machine's to keep, and what is shown to whoever asks. */
async function served(url: string) {
  const machine = [
    await ask(url, '/healthz'),
    await ask(url, '/readyz'),
    await ask(url, '/metrics', { token: READ }),
    await ask(url, '/api/syncs/acme/pause', { method: 'POST', token: READ }),
    await ask(url, '/api/syncs/acme/people/person.3@example.com'),
    await ask(url, '/api/syncs/none/people/person.3@example.com', { token: READ }),
    await ask(url, '/nowhere/person.3@example.com', { token: READ }),
    await ask(url, '/session', { method: 'POST', body: { token: 'person.3@example.com' } }),
    await ask(url, '/api/syncs/acme/retry', { method: 'POST', token: OPERATE, body: '{"people":7}' }),
  ];
  const shown = [
    'status',
    'syncs/acme/failed',
    'syncs/acme/runs',
    'syncs/acme/leavers',
    'syncs/acme/people/E0',
  ];
  const pages = await Promise.all(shown.map((path) => ask(url, `/api/${path}`, { token: READ })));
  pages.push(await ask(url, '/', { token: READ }));
  const all = (answers: typeof pages) =>
    answers.map(({ text, headers }) => text + JSON.stringify(headers)).join();
  return { machine: all(machine), pages: all(pages) };
}

const textOf = (path: string): string =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');

function expectNoSecret(where: string, text: string): void {
  for (const secret of SECRETS)
    expect(text.includes(secret), `${secret.slice(0, 24)}… in ${where}`).toBe(false);
}

describe('what an installation wrote, keeps and serves after many faults', () => {
  it('holds no secret anywhere, and nobody where people are not kept', async ({ install }) => {
    const journey = await install(PEOPLE, {
      sandbox: { keys: [KEY] },
      apiKey: KEY,
      // As the image has it.
      env: { NODE_OPTIONS: '--disable-proto=delete' },
    });
    configure(journey);
    plantFaults(journey);
    const service = journey.start('start', '--log-level', 'trace');
    const url = String((await listen(service)('listening')).url);
    await until(() => journey.sandbox.state().users.length >= PEOPLE.length - 3 && hook.got.length > 0);
    const { machine, pages } = await served(url);
    // What was echoed was met, and cut out.
    expect(pages).toMatch(/<address>.*<key>|<key>.*<address>/s);
    // Refused altogether, with the key in what is said of it.
    journey.sandbox.fault({
      path: '/',
      fault: { kind: 'status', status: 401, body: echo('person.5@example.com') },
    });
    journey.people(PEOPLE.map((one) => ({ ...one, name: `${one.name} Jr` })));
    await until(() => hook.got.some(({ body }) => body.includes('keyRefused')));
    await endInOrder(service);
    const failed = await journey.cli('failed', '--json');
    const { stderr } = await service.ended;

    expectNothingPlanted(stderr, machine, failed.stderr, hook.got.map(({ body }) => body).join());
    expectNoSecret('the log', stderr + failed.stderr);
    expectNoSecret('the pages', machine + pages + failed.stdout);
    expectNoSecret('the data folder', textOf(join(journey.folder, 'data')));
    expectNoSecret('the bodies of alarms', hook.got.map(({ body }) => body).join());
    expect(stderr.length).toBeGreaterThan(1_000);
    const kept = await withPrivateRedis(join(journey.folder, 'data'), (redis: Redis) => everyKey(redis));
    expect(kept.size).toBeGreaterThan(10);
    expectNoSecret('Redis', [...kept].flat().join());
  });
});
