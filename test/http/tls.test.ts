import { once } from 'node:events';
import tls, { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createHttp, type HttpOptions } from '../../http/client.ts';
import {
  type Authority,
  type Certificate,
  type HttpServer,
  makeAuthority,
  startHttpServer,
  startProxy,
  type TestProxy,
} from '../support/http-server.ts';

const NAMES = 'DNS:localhost,IP:127.0.0.1';
const closers: (() => unknown)[] = [];
let authority: Authority;
let good: Certificate;

beforeAll(() => {
  authority = makeAuthority();
  good = authority.issue(NAMES);
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

afterAll(() => {
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'https_proxy', 'NODE_TLS_REJECT_UNAUTHORIZED'])
    delete process.env[name];
});

async function server(tls: object): Promise<HttpServer> {
  const started = await startHttpServer({ tls });
  closers.push(() => started.close());
  return started;
}

async function proxy(status?: number): Promise<TestProxy> {
  const started = await startProxy(status);
  closers.push(() => started.close());
  return started;
}

/** What came of a POST: the answer's status, or the failure. */
async function post(url: string, options: Partial<HttpOptions> = {}): Promise<unknown> {
  const http = createHttp({ timeoutMs: 5_000, userAgent: 'test', ca: authority.ca, ...options });
  closers.push(() => http.close());
  const headers = { authorization: 'Bearer canary-key' };
  return http.send({ method: 'POST', url, headers, body: { a: 1 } }).then(
    ({ status }) => status,
    (error: unknown) => error,
  );
}

describe('createHttp over TLS', () => {
  it('speaks to a server whose certificate its CA vouches for', async () => {
    const { url } = await server(good);
    expect(await post(url)).toBe(200);
    expect(await post(url.replace('127.0.0.1', 'localhost'))).toBe(200);
  });

  it.each([
    ['expired', () => authority.issue(NAMES, { expired: true }), 'CERT_HAS_EXPIRED'],
    ['wrong host', () => authority.issue('DNS:elsewhere.example'), 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['self-signed', () => authority.selfSigned(NAMES), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['of another CA', () => makeAuthority().issue(NAMES), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ])('refuses a certificate that is %s, and sends nothing', async (_what, certificate, code) => {
    const { url, got } = await server(certificate());
    expect(await post(url)).toMatchObject({ name: 'HttpFailure', code, sent: false });
    expect(got).toHaveLength(0);
  });

  it('refuses a certificate without a CA of its own given', async () => {
    const { url, got } = await server(good);
    const http = createHttp({ timeoutMs: 5_000, userAgent: 'test' });
    closers.push(() => http.close());
    await expect(http.send({ method: 'GET', url })).rejects.toMatchObject({ sent: false });
    expect(got).toHaveLength(0);
  });

  it('is not weakened by NODE_TLS_REJECT_UNAUTHORIZED=0', async () => {
    const { url, got } = await server(authority.selfSigned(NAMES));
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    const came = await post(url);
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    expect(came).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT', sent: false });
    expect(got).toHaveLength(0);
  });

  it.each(['TLSv1', 'TLSv1.1'] as const)('refuses %s and takes 1.2', async (version) => {
    const lowest = { minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' };
    const old = await server({ ...good, ...lowest });
    const defaults = [tls.DEFAULT_MIN_VERSION, tls.DEFAULT_CIPHERS] as const;
    // As `--tls-min-v1.0` and a lax cipher list in NODE_OPTIONS would have it.
    [tls.DEFAULT_MIN_VERSION, tls.DEFAULT_CIPHERS] = ['TLSv1', lowest.ciphers];
    const came = await post(old.url);
    [tls.DEFAULT_MIN_VERSION, tls.DEFAULT_CIPHERS] = defaults;
    expect(came).toMatchObject({ name: 'HttpFailure', sent: false });
    expect(old.got).toHaveLength(0);
    // The control: a client that allows it does speak to that server.
    const lax = connect({ ...lowest, port: old.port, host: '127.0.0.1', ca: authority.ca });
    await once(lax, 'secureConnect');
    expect(lax.getProtocol()).toBe(version);
    lax.destroy();
    const newer = await server({ ...good, maxVersion: 'TLSv1.2' });
    expect(await post(newer.url)).toBe(200);
  });

  it('refuses a server that speaks plain HTTP behind an https URL', async () => {
    const plain = await startHttpServer();
    closers.push(() => plain.close());
    expect(await post(plain.url.replace('http:', 'https:'))).toMatchObject({ sent: false });
    expect(plain.got).toHaveLength(0);
  });
});

describe('createHttp through a proxy', () => {
  it('tunnels, so that the proxy sees a name and a port alone', async () => {
    const { url, port, got } = await server(good);
    const { url: by, seen } = await proxy();
    expect(await post(url, { proxy: by.replace('://', '://us%40er:pass@') })).toBe(200);
    expect(seen.lines).toEqual([`CONNECT 127.0.0.1:${port}`]);
    expect(seen.logins).toEqual([`Basic ${Buffer.from('us@er:pass').toString('base64')}`]);
    expect(seen.carried.length).toBeGreaterThan(100);
    expect(seen.carried).not.toContain('canary-key');
    expect(got[0]?.headers).not.toHaveProperty('proxy-authorization');
  });

  it('keeps a tunnel for the next request', async () => {
    const { url, got } = await server(good);
    const { url: by, seen } = await proxy();
    const http = createHttp({ timeoutMs: 5_000, userAgent: 'test', ca: authority.ca, proxy: by });
    closers.push(() => http.close());
    for (let i = 0; i < 3; i += 1) await http.send({ method: 'GET', url });
    expect([got.length, seen.lines.length]).toEqual([3, 1]);
  });

  it.each([403, 407, 502])('knows a proxy that answers %i as never sent', async (status) => {
    const { url, got } = await server(good);
    const { url: by } = await proxy(status);
    expect(await post(url, { proxy: by })).toMatchObject({ code: 'PROXY_REFUSED', sent: false });
    expect(got).toHaveLength(0);
  });

  it('checks the target’s certificate through the tunnel too', async () => {
    const { url, got } = await server(authority.selfSigned(NAMES));
    const { url: by } = await proxy();
    expect(await post(url, { proxy: by })).toMatchObject({
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      sent: false,
    });
    expect(got).toHaveLength(0);
  });

  it('knows a proxy that is not there as never sent', async () => {
    const { url } = await server(good);
    const gone = await startProxy();
    await gone.close();
    expect(await post(url, { proxy: gone.url })).toMatchObject({ code: 'ECONNREFUSED', sent: false });
  });

  it('obeys no proxy of the environment', async () => {
    const { url } = await server(good);
    const plain = await startHttpServer();
    closers.push(() => plain.close());
    const { url: by, seen } = await proxy();
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'https_proxy']) process.env[name] = by;
    expect([await post(url), await post(plain.url)]).toEqual([200, 200]);
    expect(seen.lines).toEqual([]);
  });
});
