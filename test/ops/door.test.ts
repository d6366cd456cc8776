import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { keepDoor } from '../../ops/door.ts';
import { knownTokens } from '../../ops/tokens.ts';
import { APPROVE, OPERATE, READ, type Serving, servingOfFile } from './serving.ts';

const serve = servingOfFile();

/** Signs in; gives the headers that a browser then sends, with the CSRF header where asked for. */
async function signIn({ ask }: Serving, token: string): Promise<{ cookie: string; csrf: string }> {
  const { headers, json, status } = await ask('/session', { method: 'POST', body: { token } });
  expect(status).toBe(200);
  const cookie = (headers['set-cookie'] ?? []).map((one) => one.split(';')[0]).join('; ');
  return { cookie, csrf: (json() as { csrf: string }).csrf };
}

describe('keepDoor', () => {
  it('refuses a route that declares no scope', () => {
    const app = fastify();
    keepDoor(app, { tokens: [], own: { host: '127.0.0.1' } });
    expect(() => app.get('/open', async () => 'x')).toThrow(/GET.* \/open declares no scope/);
    expect(() => app.get('/odd', { config: { scope: 'any' as never } }, async () => 'x')).toThrow(/no scope/);
    expect(() => app.get('/read', { config: { scope: 'read' } }, async () => 'x')).not.toThrow();
  });

  it('lets each scope do what it includes and no more', async () => {
    const app = fastify();
    const tokens = knownTokens([
      { name: 'r', scope: 'read', token: READ },
      { name: 'o', scope: 'operate', token: OPERATE },
      { name: 'a', scope: 'approve', token: APPROVE },
    ]);
    keepDoor(app, { tokens, own: { host: '127.0.0.1' } });
    app.setErrorHandler((error: { status?: number }, _, reply) => reply.code(error.status ?? 500).send());
    for (const scope of ['read', 'operate', 'approve'] as const)
      app.get(`/${scope}`, { config: { scope } }, async ({ caller }) => caller.name);
    const base = await app.listen({ port: 0, host: '127.0.0.1' });
    const statuses = [];
    for (const token of [READ, OPERATE, APPROVE])
      for (const scope of ['read', 'operate', 'approve'])
        statuses.push(
          (await fetch(`${base}/${scope}`, { headers: { authorization: `Bearer ${token}` } })).status,
        );
    await app.close();
    expect(statuses).toEqual([200, 403, 403, 200, 200, 403, 200, 200, 200]);
  });

  it('is closed to whoever has no token, on paths that are not there too', async () => {
    const { ask } = await serve();
    for (const path of ['/', '/nowhere', '/api/status', '/api/syncs/acme/runs', '/session']) {
      const answer = await ask(path);
      expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
    }
  });

  it('refuses a forged Host and a foreign Origin', async () => {
    const { ask, server } = await serve();
    const own = new URL(server.url).host;
    const status = async (headers: Record<string, string>, method = 'GET') =>
      (await ask('/api/status', { method, token: APPROVE, headers })).status;
    expect(await status({ host: 'evil.example.com' })).toBe(403);
    expect(await status({ host: `evil.example.com:${own.split(':')[1]}` })).toBe(403);
    expect(await status({ host: '127.0.0.1.nip.io' })).toBe(403);
    expect(await status({ origin: 'https://evil.example.com' })).toBe(403);
    expect(await status({ origin: 'null' })).toBe(403);
    expect(await status({ origin: 'http://localhost:1' })).toBe(403);
    expect(await status({ origin: `http://${own}` })).toBe(200);
    expect(await status({ 'sec-fetch-site': 'cross-site' }, 'POST')).toBe(403);
  });

  it('slows down who presents wrong tokens, and nobody who is signed in', async () => {
    const serving = await serve();
    const { cookie } = await signIn(serving, READ);
    const statuses = [];
    for (let i = 0; i < 11; i++)
      statuses.push((await serving.ask('/api/status', { token: `wrong-${i}` })).status);
    expect(statuses).toEqual([...Array(10).fill(401), 429]);
    const right = await serving.ask('/api/status', { token: READ });
    expect(right.status).toBe(429);
    expect(Number(right.headers['retry-after'])).toBeGreaterThan(0);
    expect((await serving.ask('/session', { method: 'POST', body: { token: READ } })).status).toBe(429);
    expect((await serving.ask('/api/status', { headers: { cookie } })).status).toBe(200);
    expect(serving.told()).not.toContain('wrong-1');
  });

  it('asks a session for the second half of its proof at every write', async () => {
    const serving = await serve();
    const { cookie, csrf } = await signIn(serving, OPERATE);
    const other = await signIn(serving, OPERATE);
    const signOut = async (headers: Record<string, string>) =>
      (await serving.ask('/session', { method: 'DELETE', headers: { cookie, ...headers } })).status;
    expect(await signOut({})).toBe(403);
    expect(await signOut({ 'x-xsrf-token': 'x' })).toBe(403);
    expect(await signOut({ 'x-xsrf-token': other.csrf })).toBe(403);
    expect(await signOut({ 'x-xsrf-token': csrf })).toBe(204);
  });

  it('believes no altered cookie', async () => {
    const serving = await serve();
    const { cookie } = await signIn(serving, READ);
    const value = /omni-sync-session=([^;]+)/.exec(cookie)?.[1] ?? '';
    const [payload = '', signed = ''] = value.split('.');
    const approver = Buffer.from(JSON.stringify(['approver', Date.now() + 1e9, 'x'])).toString('base64url');
    const altered = [
      `${approver}.${signed}`,
      payload,
      `${payload}.`,
      `${payload}.${signed}x`,
      'x.y',
      '..',
      '',
    ];
    for (const one of altered) {
      const headers = { cookie: `omni-sync-session=${one}` };
      expect((await serving.ask('/api/status', { headers })).status).toBe(401);
    }
    expect((await serving.ask('/api/status', { headers: { cookie } })).status).toBe(200);
  });

  it('sets cookies that no page of others and no script can use', async () => {
    const plain = await serve();
    const { headers } = await plain.ask('/session', { method: 'POST', body: { token: READ } });
    expect(headers['set-cookie']).toEqual([
      expect.stringMatching(
        /^omni-sync-session=[\w-]+\.[\w-]+; Path=\/; SameSite=Strict; Max-Age=43200; HttpOnly$/,
      ),
      expect.stringMatching(/^XSRF-TOKEN=[\w-]+; Path=\/; SameSite=Strict; Max-Age=43200$/),
    ]);
    const behind = await serve({ publicUrl: 'https://sync.example.com' });
    const secure = await behind.ask('/session', {
      method: 'POST',
      body: { token: READ },
      headers: { host: 'sync.example.com', origin: 'https://sync.example.com' },
    });
    for (const one of secure.headers['set-cookie'] ?? []) expect(one).toContain('; Secure');
    expect(secure.headers['strict-transport-security']).toBe('max-age=31536000');
  });
});
