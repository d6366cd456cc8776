import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { crowd } from '../support/people.ts';
import { APPROVE, type Got, OPERATE, READ, type Serving, servingOfFile } from './serving.ts';

const serve = servingOfFile();

/** Three of ten have left, which is more than may; and one record cannot become a person. */
async function troubled(): Promise<Serving> {
  const serving = await serve({}, { rules: { policy: 'full' } });
  const { rig } = serving;
  rig.configure({ leaverRules: { limit: { people: 1 } } });
  rig.people.set(crowd(10));
  await rig.reconcile();
  await rig.drain();
  rig.people.set([...crowd(7), { id: '99', email: 'no address', name: 'X', status: 'active' }]);
  await rig.reconcile();
  await rig.drain();
  return serving;
}

interface Document {
  readonly paths: Record<
    string,
    Record<string, { responses: Record<string, { content?: Record<string, { schema: object }> }> }>
  >;
}

/** Holds an answer to the OpenAPI document. */
async function expectDocumented({ ask }: Serving, path: string, answer: Got, method = 'get'): Promise<void> {
  const { paths } = (await ask('/api/openapi.json', { token: READ })).json() as Document;
  const schema = paths[path]?.[method]?.responses[answer.status]?.content?.['application/json']?.schema;
  if (schema === undefined) throw new Error(`${method} ${path} has no schema for ${answer.status}`);
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  const validate = ajv.compile(schema);
  validate(answer.json());
  expect(validate.errors ?? []).toEqual([]);
}

describe('syncRoutes', () => {
  it('show what the commands show, in the shapes that the document has', async () => {
    const serving = await troubled();
    const look = async (what: string) => {
      const answer = await serving.ask(`/api/syncs/acme/${what}`, { token: READ });
      expect(answer.status).toBe(200);
      await expectDocumented(serving, `/api/syncs/{name}/${what.split('?')[0]}`, answer);
      return answer.json();
    };
    expect(await look('leavers')).toMatchObject({ held: 3, leavers: [{}, {}, {}] });
    expect(await look('failed')).toMatchObject({ rejected: [{ sourceId: '99' }] });
    expect(await look('runs?limit=1')).toMatchObject({ runs: [{ read: 8, complete: true }] });
    const status = await serving.ask('/api/status', { token: READ });
    await expectDocumented(serving, '/api/status', status);
    expect(status.json()).toMatchObject({ syncs: [{ name: 'acme', run: { rejected: 1 } }] });
  });

  it('show who was changed in Omni by hand, and how that is known', async () => {
    const serving = await serve();
    const { ask, rig } = serving;
    const look = async () => {
      const answer = await ask('/api/syncs/acme/drift', { token: READ });
      await expectDocumented(serving, '/api/syncs/{name}/drift', answer);
      return answer.json();
    };
    expect(await look()).toEqual({ name: 'acme', people: [], lastPass: null, nextPass: null, share: 0.1 });
    rig.people.set(crowd(3));
    await rig.reconcile();
    await rig.drain();
    const [first, second] = await rig.links();
    await rig.omni.updateUser(first?.omniId ?? '', { displayName: 'By Hand' });
    await rig.omni.deleteUser(second?.omniId ?? '');
    await rig.verify();
    const report = { mode: 'report', since: expect.any(String), handed: false };
    expect(await look()).toMatchObject({
      people: [
        {
          sourceId: first?.sourceId,
          userName: first?.userName,
          fields: [{ field: 'displayName', ...report }],
        },
        { sourceId: second?.sourceId, omniId: second?.omniId, fields: [{ field: 'gone', ...report }] },
      ],
      lastPass: { problem: null, compared: 3, calls: 2 },
    });
    const scrape = await ask('/metrics', { token: READ });
    expect(scrape.text).toContain('omni_sync_drifted_people{sync="acme"} 2');
  });

  it('say what is not there', async () => {
    const { ask } = await serve();
    const code = async (path: string) => ((await ask(path, { token: READ })).json() as { code: string }).code;
    expect(await code('/api/syncs/other/runs')).toBe('http.sync');
    expect(await code('/api/syncs/__proto__/runs')).toBe('http.sync');
    expect(await code('/api/syncs/acme/asks/x')).toBe('http.ask');
    expect(await code('/api/syncs/acme/people/nobody%40example.com')).toBe('http.person');
    expect(await code('/api/syncs/acme/runs?limit=0')).toBe('http.invalid');
    expect(await code('/api/syncs/acme/runs?other=1')).toBe('http.invalid');
  });
});

describe('actRoutes', () => {
  it('ask for a reconcile, and tell what came of it', async () => {
    const serving = await serve();
    const { ask, rig } = serving;
    const asked = await ask('/api/syncs/acme/resync', {
      method: 'POST',
      token: OPERATE,
      body: { full: true },
    });
    expect(asked.status).toBe(202);
    await expectDocumented(serving, '/api/syncs/{name}/resync', asked, 'post');
    const place = String(asked.headers.location);
    expect((await ask(place, { token: READ })).json()).toEqual({ state: 'waiting' });
    expect(await rig.ledger.asks.open()).toMatchObject([{ by: 'operator', full: true }]);
    await rig.reconcile();
    const done = await ask(place, { token: READ });
    await expectDocumented(serving, '/api/syncs/{name}/asks/{id}', done);
    expect(done.json()).toMatchObject({ state: 'done', run: { complete: true } });
  });

  it('take no body where none is said', async () => {
    const { ask, rig } = await serve();
    const status = async (body?: unknown) =>
      (await ask('/api/syncs/acme/pause', { method: 'POST', token: OPERATE, body })).status;
    expect(await status({ a: 1 })).toBe(400);
    expect(await rig.queues.apply.isPaused()).toBe(false);
    expect(await status()).toBe(204);
    expect(await rig.queues.apply.isPaused()).toBe(true);
    expect((await ask('/api/syncs/acme/resume', { method: 'POST', token: OPERATE })).status).toBe(204);
    expect(await rig.queues.apply.isPaused()).toBe(false);
  });

  it('approve exactly the set that was shown, for who may', async () => {
    const serving = await troubled();
    const { ask } = serving;
    const approve = (body: unknown, token = APPROVE) =>
      ask('/api/syncs/acme/approve', { method: 'POST', token, body });
    const shown = (await ask('/api/syncs/acme/leavers', { token: READ })).json() as {
      digest: string;
      leavers: { stage: string; sourceId: string }[];
    };
    const { digest, leavers } = shown;
    const [held = ''] = leavers.flatMap(({ stage, sourceId }) => (stage === 'held' ? [sourceId] : []));
    expect((await approve({ digest }, OPERATE)).status).toBe(403);
    expect((await approve({ digest, everyone: true })).status).toBe(400);
    expect(await approve({ digest: 'other' })).toMatchObject({ status: 409 });
    const slip = await approve({ digest, people: [held, 'nobody'] });
    expect(slip.json()).toMatchObject({ status: 422, code: 'approve.unknown', errors: [{ at: 'people' }] });
    const one = await approve({ digest, people: [held] });
    await expectDocumented(serving, '/api/syncs/{name}/approve', one, 'post');
    expect(one.json()).toEqual({ done: [held], unknown: [], stillHeld: 2 });
  });

  it('keep people, and try them again', async () => {
    const serving = await troubled();
    const { ask, rig } = serving;
    const [leaver] = await rig.ledger.leavers.all();
    const people = [leaver?.sourceId ?? '', 'nobody'];
    const kept = await ask('/api/syncs/acme/keep', { method: 'POST', token: OPERATE, body: { people } });
    expect(kept.json()).toEqual({ done: [people[0]], unknown: ['nobody'] });
    expect((await rig.ledger.leavers.kept()).has(leaver?.ref ?? '')).toBe(true);
    const again = await ask('/api/syncs/acme/retry', { method: 'POST', token: OPERATE });
    await expectDocumented(serving, '/api/syncs/{name}/retry', again, 'post');
    expect(again.json()).toEqual({ done: [], unknown: [] });
    expect((await ask('/api/syncs/acme/keep', { method: 'POST', token: OPERATE })).status).toBe(400);
  });
});

describe('openApiRoute', () => {
  it('describes every documented route, and no other', async () => {
    const { ask, server } = await serve();
    const document = (await ask('/api/openapi.json', { token: READ })).json() as Document;
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    const served = server.routes.filter(({ documented, method }) => documented && method !== 'HEAD');
    expect(described.toSorted()).toEqual(served.map(({ method, url }) => `${method} ${url}`).toSorted());
    const hidden = server.routes.filter(({ documented, url }) => !documented && url.startsWith('/api'));
    expect(hidden).toEqual([]);
  });
});
