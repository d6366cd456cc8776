import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../ops/metrics.ts';
import { startServer } from '../../ops/server.ts';
import { APPROVE, HEALTHY, READ, servingOfFile } from './serving.ts';

const serve = servingOfFile();

/** Sends bytes as they are, and waits for the end. */
function bare(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let text = '';
    socket.on('data', (part) => {
      text += part;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

describe('startServer', () => {
  it('answers a probe without a token', async () => {
    const { ask } = await serve();
    expect(await ask('/healthz')).toMatchObject({ status: 200, text: '{"alive":true}' });
  });

  it('tells a probe what is wrong, and of whom by place alone', async () => {
    const reasons = [{ code: 'redis.full' }, { code: 'halted', sync: 'acme' }] as const;
    const { ask } = await serve({ health: () => ({ ...HEALTHY, ready: false, reasons }) });
    const answer = await ask('/readyz');
    expect(answer.json()).toMatchObject({
      status: 503,
      code: 'http.notReady',
      errors: [
        { at: 'all', problem: 'redis.full' },
        { at: 'sync 1', problem: 'halted' },
      ],
    });
    expect(answer.text).not.toContain('acme');
    expect((await ask('/healthz')).status).toBe(200);
    const dying = await serve({ health: () => ({ ...HEALTHY, alive: false }) });
    expect((await dying.ask('/healthz')).status).toBe(503);
    expect((await dying.ask('/readyz')).status).toBe(200);
  });

  it('answers the status as the command does', async () => {
    const { ask, rig } = await serve();
    rig.people.set([]);
    await rig.reconcile();
    const { status, json } = await ask('/api/status', { token: READ });
    expect(status).toBe(200);
    expect(json()).toMatchObject({
      syncs: [{ name: 'acme', inStep: 0, waiting: 0, run: { complete: true } }],
    });
  });

  it('tells every error as a problem', async () => {
    const { ask } = await serve();
    const big = JSON.stringify({ token: 'x'.repeat(10 * 1024 * 1024) });
    const answers = {
      400: await ask('/session', { method: 'POST', body: '{' }),
      401: await ask('/api/status'),
      403: await ask('/api/status', { token: READ, headers: { host: 'evil.example.com' } }),
      404: await ask('/nowhere', { token: READ }),
      405: await ask('/api/status', { method: 'POST', token: APPROVE, body: {} }),
      413: await ask('/session', { method: 'POST', body: big }),
      415: await ask('/session', { method: 'POST', body: 'a=b', headers: { 'content-type': 'text/plain' } }),
    };
    for (const [status, answer] of Object.entries(answers)) {
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.json()).toMatchObject({ type: 'about:blank', status: Number(status) });
      expect(answer.status).toBe(Number(status));
    }
    expect(answers[405].headers.allow).toBe('GET, HEAD');
  });

  it('refuses keys that would reach into prototypes', async () => {
    const { ask } = await serve();
    for (const body of ['{"__proto__":{"a":1}}', '{"token":"x","constructor":{"prototype":{"a":1}}}']) {
      expect((await ask('/session', { method: 'POST', body })).status).toBe(400);
    }
  });

  it('gives a sender no more time than its limits', async () => {
    const { server } = await serve();
    const slow = await bare(server.url, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    expect(slow).toMatch(/^HTTP\/1\.1 408 Request timeout\r\n/);
    expect(slow).toContain('application/problem+json');
  });

  it('answers what is no HTTP with a problem', async () => {
    const { server } = await serve();
    expect(await bare(server.url, 'HELLO\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 Bad request\r\n/);
  });

  it('lives on while Redis is away, and says so', async () => {
    const { ask, rig } = await serve();
    const away = new Promise((resolve) => rig.redis.once('close', resolve));
    await serve.redis().kill();
    await away;
    expect((await ask('/healthz')).status).toBe(200);
    const answer = await ask('/api/status', { token: READ });
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    await serve.redis().start();
    await rig.redis.ping();
    expect((await ask('/api/status', { token: READ })).status).toBe(200);
  });

  it('says how to mend a port that is taken', async () => {
    const { server, parts } = await serve();
    const port = Number(new URL(server.url).port);
    const second = startServer({
      host: '127.0.0.1',
      port,
      tokens: [],
      syncs: () => [],
      redis: parts.queueOptions.redis,
      health: () => HEALTHY,
      metrics: createMetrics(),
      measured: () => [],
      log: { info: () => undefined } as never,
    });
    await expect(second).rejects.toMatchObject({ kind: 'config', code: 'server.listen' });
  });
});
