import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { APPROVE, READ, servingOfFile } from './serving.ts';

const serve = servingOfFile();

/** A path of the pattern that could be anybody's. */
const filled = (url: string) =>
  url
    .replace(':name', 'acme')
    .replace(':person', 'E1')
    .replace(':id', 'x')
    .replaceAll(/:\w+|\*/g, 'x');

/** Two of them files that hold nothing, which the sign-in page is drawn with. */
const OPEN = ['GET /healthz', 'GET /readyz', 'POST /session', 'GET /assets/page.css', 'GET /assets/page.js'];

describe('the routes', () => {
  it('answer nobody without a token, but probes and the sign-in', async () => {
    const { ask, server } = await serve();
    const open: string[] = [];
    for (const { method, url } of server.routes.filter((one) => one.method !== 'HEAD')) {
      const { status } = await ask(filled(url), { method });
      if (status !== 401) open.push(`${method} ${url}`);
    }
    // A sign-in without a body is told that it lacks one.
    expect(open.filter((one) => !OPEN.includes(one))).toEqual([]);
    expect(server.routes.length).toBeGreaterThan(20);
  });

  it('refuse every write to a token that may read alone', async () => {
    const { ask, server } = await serve();
    const writes = server.routes.filter(
      ({ method, url }) => method !== 'GET' && method !== 'HEAD' && url !== '/session',
    );
    for (const { method, url } of writes) {
      const answer = await ask(filled(url), { method, token: READ, body: {} });
      expect({ url, status: answer.status, said: answer.json() }).toMatchObject({
        status: 403,
        said: { code: 'http.scope' },
      });
    }
    expect(writes.length).toBeGreaterThanOrEqual(6);
  });

  it('refuse a forged Host and a foreign Origin, each of them', async () => {
    const { ask, server } = await serve();
    for (const { method, url } of server.routes) {
      for (const headers of [{ host: 'evil.example.com' }, { origin: 'https://evil.example.com' }]) {
        const { status } = await ask(filled(url), { method, token: APPROVE, headers });
        expect({ method, url, status }).toEqual({ method, url, status: 403 });
      }
    }
  });

  it('all answer with the headers that keep a browser from doing what it must not', async () => {
    const { ask, server } = await serve();
    for (const { method, url } of server.routes) {
      for (const token of [APPROVE, undefined]) {
        const { headers } = await ask(filled(url), { method, ...(token && { token }) });
        const kept = Object.entries(headers).filter(([name]) => !VARYING.has(name));
        expect(Object.fromEntries(kept)).toEqual(HEADERS);
      }
    }
  });
});

describe('docs/http.md', () => {
  it('has a row for every documented route with its scope, and no other', async () => {
    const { server } = await serve();
    const page = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| (`(?:GET|POST|DELETE) .*?) \| (.*?) \|/gm)];
    const told = rows.flatMap(([, cell = '', scope = '']) =>
      [...cell.matchAll(/`([A-Z]+ [^`]+)`/g)].map(([, name]) => `${name} ${scope}`),
    );
    const served = server.routes
      .filter(({ documented, method }) => documented && method !== 'HEAD')
      .map(({ method, url, scope }) => `${method} ${url} ${scope === 'open' ? 'none' : scope}`);
    expect(told.toSorted()).toEqual(served.toSorted());
  });
});

const VARYING = new Set([
  'connection',
  'content-length',
  'content-type',
  'date',
  'allow',
  'www-authenticate',
  'set-cookie',
  'location',
  'transfer-encoding',
  'x-accel-buffering',
]);

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cache-control': 'no-store',
};
