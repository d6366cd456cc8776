import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttp, type HttpClient } from '../../http/client.ts';
import type { Budget, CallVerdict } from '../../model/budget.ts';
import { SyncError } from '../../model/errors.ts';
import type { DesiredUser } from '../../model/person.ts';
import { createOmni, type Omni } from '../../omni/client.ts';
import { USER_ATTRIBUTES } from '../../omni/wire.ts';
import {
  type Answer,
  cut,
  type HttpServer,
  json,
  raw,
  silence,
  startHttpServer,
} from '../support/http-server.ts';

const KEY = 'omni_osk_planted-canary-key';
const ID = '9e8719d9-276a-4964-9395-a493189a247c';
const BLOB = { id: ID, userName: 'blob.ross@blobs.example', displayName: 'Blob Ross', active: true };
const DESIRED: DesiredUser = {
  sourceId: '42',
  userName: BLOB.userName,
  displayName: BLOB.displayName,
  attributes: { region: 'Atlantis', old: null },
};

let server: HttpServer;
let http: HttpClient;
let verdicts: CallVerdict[];
let turns: number;
let omni: Omni;

beforeEach(async () => {
  server = await startHttpServer();
  http = createHttp({ timeoutMs: 30_000, userAgent: 'test' });
  verdicts = [];
  turns = 0;
  omni = clientOf(budget());
});

afterEach(async () => {
  http.close();
  await server.close();
  // Each turn that was taken is settled once.
  expect(verdicts).toHaveLength(turns);
});

/** A budget that gives at once and keeps the verdicts. */
function budget(apiKey = KEY): Budget {
  return {
    turn: async () => {
      turns += 1;
      return { apiKey, grantedAt: performance.now(), settle: async (verdict) => void verdicts.push(verdict) };
    },
  };
}

function clientOf(spent: Budget, send = http.send): Omni {
  return createOmni({
    baseUrl: `${server.url}/api/`,
    http: send,
    budget: spent,
    retry: { retries: 2, minTimeout: 1 },
  });
}

/** The SyncError of a call, held against everything that must never be in one: the key, addresses, and what was `sent`. */
async function failing(work: Promise<unknown>, sent: readonly string[] = []): Promise<SyncError> {
  const error = await work.then(
    (value) => value,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SyncError)) throw new Error(`expected a SyncError, got ${inspect(error)}`);
  const all = `${JSON.stringify(error)}${inspect(error, { depth: 10, showHidden: true })}${error.stack}`;
  for (const secret of ['canary', 'blob.ross', 'blobs.example', ...sent]) expect(all).not.toContain(secret);
  return error;
}

const verbs: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['GET', () => omni.getUser(ID)],
  ['POST', () => omni.createUser(DESIRED)],
  ['PATCH', () => omni.updateUser(ID, { displayName: DESIRED.displayName, attributes: DESIRED.attributes })],
  ['DELETE', () => omni.deleteUser(ID)],
];

/** What a verb's request carries of a person beside the address. */
function carried(method: string): readonly string[] {
  return method === 'POST' || method === 'PATCH' ? ['Blob', 'Ross', 'Atlantis'] : [];
}

async function listed(): Promise<string[]> {
  const names: string[] = [];
  for await (const page of omni.listUsers()) names.push(...page.map(({ userName }) => userName));
  return names;
}

describe('createOmni', () => {
  it('creates with the documented request, and reads the answer', async () => {
    server.answer(json(201, { ...BLOB, [USER_ATTRIBUTES]: { region: 'Atlantis' } }));
    expect(await omni.createUser(DESIRED)).toEqual({ ...BLOB, attributes: { region: 'Atlantis' } });
    expect(server.got[0]).toMatchObject({ method: 'POST', url: '/api/scim/v2/users' });
    expect(server.got[0]?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
    });
    expect(JSON.parse(server.got[0]?.body ?? '')).toEqual({
      userName: BLOB.userName,
      displayName: BLOB.displayName,
      [USER_ATTRIBUTES]: { region: 'Atlantis' },
    });
    expect(verdicts).toEqual([{ kind: 'answered' }]);
  });

  it('changes with one PATCH, activates by path, deletes with nothing to say', async () => {
    server.answer(json(200, BLOB), json(200, BLOB), raw(204, ''));
    await omni.updateUser(ID, { displayName: 'B', userName: 'b@e.example', attributes: { a: null } });
    await omni.setActive(ID, false);
    expect(await omni.deleteUser(ID)).toBeUndefined();
    expect(server.got.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `PATCH /api/scim/v2/users/${ID}`,
      `PATCH /api/scim/v2/users/${ID}`,
      `DELETE /api/scim/v2/users/${ID}`,
    ]);
    expect(JSON.parse(server.got[0]?.body ?? '').Operations).toHaveLength(2);
    expect(server.got[2]?.body).toBe('');
  });

  it('lists in pages of a hundred', async () => {
    const people = Array.from({ length: 150 }, (_, i) => ({
      ...BLOB,
      id: ID.replace(/^.{3}/, String(100 + i)),
      userName: `u${i}@e.example`,
    }));
    server.answer(({ url }, response) => {
      const from = Number(new URL(url, server.url).searchParams.get('startIndex')) - 1;
      return json(200, { totalResults: 150, Resources: people.slice(from, from + 100) })(
        {} as never,
        response,
      );
    });
    expect(await listed()).toHaveLength(150);
    expect(server.got.map(({ url }) => url)).toEqual([
      '/api/scim/v2/users?count=100&startIndex=1',
      '/api/scim/v2/users?count=100&startIndex=101',
    ]);
  });

  it('reads a failed page as a failed list', async () => {
    const people = [BLOB];
    server.answer(
      json(200, { totalResults: 2, Resources: people }),
      json(200, { totalResults: 2, Resources: [] }),
    );
    expect(await failing(listed())).toMatchObject({ kind: 'transient', code: 'omni.list-short' });
    server.answer(json(200, { totalResults: 2, Resources: people }), json(500, {}));
    expect(await failing(listed())).toMatchObject({ kind: 'transient', code: 'omni.failed' });
  });

  it('finds by userName without case, trusting the filter for nothing', async () => {
    const other = { ...BLOB, id: ID.replace('9', '8'), userName: 'xblob.ross@blobs.example' };
    server.answer(json(200, { totalResults: 2, Resources: [other, BLOB] }));
    expect(await omni.findByUserName(' BLOB.ross@Blobs.example')).toMatchObject({ id: ID });
    expect(server.got[0]?.url).toBe(
      '/api/scim/v2/users?count=100&startIndex=1&filter=userName%20eq%20%22BLOB.ross%40Blobs.example%22',
    );
    server.answer(json(200, { totalResults: 1, resources: [other] }));
    expect(await omni.findByUserName(BLOB.userName)).toBeUndefined();
    server.answer(json(200, { totalResults: 0, Resources: [] }));
    expect(await omni.findByUserName(BLOB.userName)).toBeUndefined();
  });

  it('takes none of several accounts with one userName', async () => {
    const twin = { ...BLOB, id: ID.replace('9', '8'), userName: BLOB.userName.toUpperCase() };
    server.answer(json(200, { totalResults: 2, Resources: [BLOB, twin] }));
    const error = await failing(omni.findByUserName(BLOB.userName));
    expect(error).toMatchObject({ kind: 'conflict', code: 'omni.many-matches' });
    expect(error.message).toContain(ID);
  });

  it('reads the definitions of attributes', async () => {
    server.answer(
      json(200, { records: [{ name: 'region', type: 'String', multiple_values: false, system: false }] }),
    );
    expect(await omni.attributeDefinitions()).toEqual([
      { name: 'region', type: 'String', multiple: false, system: false },
    ]);
    expect(server.got[0]?.url).toBe('/api/v1/user-attributes');
  });

  it('spends another budget where it is handed one', async () => {
    server.answer(json(200, BLOB));
    await omni.withBudget(budget('another-key')).getUser(ID);
    expect(server.got[0]?.headers.authorization).toBe('Bearer another-key');
  });
});

describe('createOmni against faults', () => {
  const echo = { detail: `Bearer ${KEY}: Blob Ross <blob.ross@blobs.example> of Atlantis` };

  it.each([
    [400, 'refused', 'omni.refused'],
    [401, 'unauthorized', 'omni.unauthorized'],
    [403, 'unauthorized', 'omni.unauthorized'],
    [409, 'conflict', 'omni.conflict'],
    [413, 'refused', 'omni.status'],
    [422, 'refused', 'omni.refused'],
    [301, 'refused', 'omni.redirect'],
    [302, 'refused', 'omni.redirect'],
    [307, 'refused', 'omni.redirect'],
    [308, 'refused', 'omni.redirect'],
  ])('sends nothing again after a %i', async (status, kind, code) => {
    for (const [method, work] of verbs) {
      server.got.length = 0;
      server.answer(json(status, echo, { location: `${server.url}/elsewhere` }));
      expect(await failing(work(), carried(method))).toMatchObject({
        kind,
        code,
        request: { method, status },
      });
      expect(server.got).toHaveLength(1);
    }
    expect(verdicts[0]?.kind).toBe(status === 401 || status === 403 ? 'unauthorized' : 'answered');
  });

  it('knows a missing account from a missing API', async () => {
    server.answer(json(404, echo));
    for (const work of [() => omni.getUser(ID), () => omni.deleteUser(ID), () => omni.setActive(ID, true)])
      expect(await failing(work())).toMatchObject({ kind: 'missing', code: 'omni.missing' });
    const others = [() => omni.createUser(DESIRED), listed, () => omni.attributeDefinitions()];
    for (const work of others)
      expect(await failing(work())).toMatchObject({ kind: 'transient', code: 'omni.no-endpoint' });
    expect(server.got).toHaveLength(6);
  });

  it.each([
    [500, 1],
    [501, 1],
    [502, 3],
    [503, 3],
    [504, 3],
    [408, 3],
  ])('after %i sends what is safe %i times, and a POST once', async (status, times) => {
    for (const [method, work] of verbs) {
      server.got.length = 0;
      server.answer(raw(status, `<html><body>${echo.detail}</body></html>`));
      const kind = method === 'POST' ? 'unknown' : 'transient';
      expect(await failing(work(), carried(method))).toMatchObject({ kind, code: 'omni.failed' });
      expect([method, server.got.length]).toEqual([method, method === 'POST' ? 1 : times]);
    }
    if (status >= 500) expect(new Set(verdicts.map(({ kind }) => kind))).toEqual(new Set(['failed']));
  });

  it('heals within one call', async () => {
    server.answer(json(503, {}), cut, json(200, BLOB));
    expect(await omni.getUser(ID)).toEqual(BLOB);
    expect(verdicts.map(({ kind }) => kind)).toEqual(['failed', 'failed', 'answered']);
  });

  it('leaves a wait that Omni names to the queue', async () => {
    server.answer(json(503, {}, { 'retry-after': '120' }));
    expect(await failing(omni.getUser(ID))).toMatchObject({ kind: 'transient', retryAfterMs: 120_000 });
    expect(server.got).toHaveLength(1);
  });

  it.each<[string, Answer]>([
    ['cut', cut],
    ['silence', silence],
    [
      'half an answer',
      (_got, response) =>
        response.writeHead(201, { 'content-length': 99 }).write('{"id":', () => response.destroy()),
    ],
    ['an answer of 2 MiB', raw(201, 'x'.repeat(2 * 1024 * 1024))],
  ])('after %s sends a POST once and what is safe three times', async (_what, answer) => {
    if (answer === silence) http = createHttp({ timeoutMs: 1_000, userAgent: 'test' });
    omni = clientOf(budget());
    for (const [method, work] of verbs) {
      server.got.length = 0;
      server.answer(answer);
      const kind = method === 'POST' ? 'unknown' : 'transient';
      expect(await failing(work())).toMatchObject({ kind, code: 'omni.no-answer', request: { method } });
      expect([method, server.got.length]).toEqual([method, method === 'POST' ? 1 : 3]);
    }
  });

  it('sends a POST again where it was provably not sent', async () => {
    await server.close();
    expect(await failing(omni.createUser(DESIRED), carried('POST'))).toMatchObject({
      kind: 'transient',
      code: 'omni.unreached',
    });
    expect(turns).toBe(3);
    server = await startHttpServer();
  });

  it('does not send a POST again on a kept connection that was cut', async () => {
    server.answer(json(200, BLOB), cut);
    await omni.getUser(ID);
    expect(await failing(omni.createUser(DESIRED), carried('POST'))).toMatchObject({ kind: 'unknown' });
    expect(server.got.map(({ method }) => method)).toEqual(['GET', 'POST']);
  });

  it.each<[string, Answer]>([
    ['HTML', raw(200, '<html><title>Sign in to the wifi', { 'content-type': 'text/html' })],
    ['an empty 201', raw(201, '')],
    ['malformed JSON', raw(201, '{"id":"9e87')],
    ['no id', json(201, { ...BLOB, id: undefined })],
    ['a numeric id', json(201, { ...BLOB, id: 7 })],
    ['an address for an id', json(201, { ...BLOB, id: BLOB.userName })],
  ])('believes no 2xx that is %s', async (_what, answer) => {
    server.answer(answer);
    expect(await failing(omni.createUser(DESIRED), carried('POST'))).toMatchObject({
      kind: 'unknown',
      code: 'omni.unbelievable',
    });
    expect(await failing(omni.updateUser(ID, { displayName: 'Blob Ross' }))).toMatchObject({
      kind: 'unknown',
    });
    expect(await failing(omni.getUser(ID), carried('POST'))).toMatchObject({ kind: 'transient' });
    expect(await failing(listed(), carried('POST'))).toMatchObject({ kind: 'transient' });
    expect(server.got).toHaveLength(4);
  });

  it('believes no page of a portal about a deletion', async () => {
    server.answer(raw(200, '<html>Welcome to <b>wifi</b>'));
    const error = await failing(omni.deleteUser(ID));
    expect(error).toMatchObject({
      kind: 'unknown',
      code: 'omni.unbelievable',
      request: { answer: 'Welcome to wifi' },
    });
  });

  it.each([
    ['7', { kind: 'throttled', retryAfterMs: 7_000 }],
    ['-1', { kind: 'throttled', retryAfterMs: 0 }],
    ['999999', { kind: 'throttled', retryAfterMs: 3_600_000 }],
    ['soon', { kind: 'throttled' }],
    [undefined, { kind: 'throttled' }],
  ])('tells the budget of a 429 with Retry-After %s and asks it again', async (value, verdict) => {
    server.answer(json(429, echo, value === undefined ? {} : { 'retry-after': value }), json(201, BLOB));
    expect(await omni.createUser(DESIRED)).toMatchObject({ id: ID });
    expect(verdicts).toEqual([verdict, { kind: 'answered' }]);
  });

  it('gives up after the fourth 429', async () => {
    server.answer(json(429, echo, { 'retry-after': '3' }));
    expect(await failing(omni.createUser(DESIRED), carried('POST'))).toMatchObject({
      kind: 'throttled',
      retryAfterMs: 3_000,
    });
    expect(server.got).toHaveLength(4);
  });

  it('stops at once when it is aborted', async () => {
    await expect(omni.getUser(ID, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
    expect([turns, server.got.length]).toEqual([0, 0]);
    for (const [kind, work] of [
      ['transient', (signal: AbortSignal) => omni.getUser(ID, signal)],
      ['unknown', (signal: AbortSignal) => omni.createUser(DESIRED, signal)],
    ] as const) {
      const controller = new AbortController();
      server.answer(() => controller.abort());
      expect(await failing(work(controller.signal))).toMatchObject({ kind, code: 'omni.aborted' });
    }
    expect(server.got).toHaveLength(2);
  });

  it('stops waiting for the next try when it is aborted', async () => {
    const controller = new AbortController();
    const slow = createOmni({
      baseUrl: server.url,
      http: http.send,
      budget: budget(),
      retry: { retries: 2, minTimeout: 60_000 },
    });
    server.answer((got, response) => {
      response.once('close', () => setImmediate(() => controller.abort(new Error('stop'))));
      return json(503, {})(got, response);
    });
    await expect(slow.getUser(ID, controller.signal)).rejects.toThrow('stop');
    expect(server.got).toHaveLength(1);
  });

  it('keeps an answer that an abort overtakes', async () => {
    const controller = new AbortController();
    const overtaken = clientOf(budget(), async (request) => {
      const answer = await http.send(request);
      controller.abort();
      return answer;
    });
    server.answer(json(201, BLOB));
    expect(await overtaken.createUser(DESIRED, controller.signal)).toMatchObject({ id: ID });
  });

  it('refuses what is too large to send, once and without blaming the host', async () => {
    const tags = Array.from({ length: 100 }, () => 'Atlantis'.repeat(2_000));
    for (const work of [
      () => omni.createUser({ ...DESIRED, attributes: { tags } }),
      () => omni.updateUser(ID, { attributes: { tags } }),
    ]) {
      expect(await failing(work(), carried('POST'))).toMatchObject({
        kind: 'refused',
        code: 'omni.too-large',
        message: expect.stringContaining('map fewer or shorter values'),
      });
    }
    expect(server.got).toEqual([]);
    expect(verdicts).toEqual([{ kind: 'answered' }, { kind: 'answered' }]);
  });

  it('lets a bug through as it is, once', async () => {
    const bug = new TypeError('a bug');
    const broken = clientOf(budget(), async () => {
      throw bug;
    });
    await expect(broken.getUser(ID)).rejects.toBe(bug);
    expect(turns).toBe(1);
  });

  it('lets the refusal of the budget through', async () => {
    const halted = new SyncError('unauthorized', 'budget.halted', 'halted');
    const refusing = clientOf({ turn: () => Promise.reject(halted) });
    await expect(refusing.getUser(ID)).rejects.toBe(halted);
  });

  it('says that an insecure URL is a setting to mend', async () => {
    const insecure = createOmni({ baseUrl: 'http://omni.example', http: http.send, budget: budget() });
    expect(await failing(insecure.getUser(ID))).toMatchObject({ kind: 'config', code: 'omni.url' });
  });

  it('says what came, what it means and how to mend it', async () => {
    server.answer(json(401, { error: 'unauthorized', message: 'Invalid token' }));
    const error = await failing(omni.getUser(ID));
    expect(error.message).toBe(
      `GET /api/scim/v2/users/${ID}: Omni does not accept the API key; an organization key of the right instance is needed, and its maker must be active (status 401): Invalid token`,
    );
    expect(error.request).toEqual({
      method: 'GET',
      path: `/api/scim/v2/users/${ID}`,
      status: 401,
      answer: 'Invalid token',
    });
  });
});
