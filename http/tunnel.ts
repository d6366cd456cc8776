/**
 * A way through a proxy by CONNECT (RFC 9110, section 9.3.6): the proxy sees the target's name and port, never a
 * request. Axios's own tunnel keeps no connection alive and hands the proxy's refusal on as if the target had said it.
 */
import { request as overHttp, type RequestOptions } from 'node:http';
import { request as overHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { codedError } from './failure.ts';

interface TunnelOptions {
  /** http or https; its credentials go to the proxy alone. */
  readonly proxy: URL;
  /** `host:port` of the target. */
  readonly authority: string;
  readonly timeoutMs: number;
  readonly ca?: string | undefined;
}

/**
 * Opens a tunnel.
 * @throws Error with code `PROXY_REFUSED` where the proxy says no, else the system's error.
 */
export function openTunnel(options: TunnelOptions): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const start = options.proxy.protocol === 'https:' ? overHttps : overHttp;
    const asking = start(connectRequest(options));
    const timer = setTimeout(() => asking.destroy(codedError('ETIMEDOUT')), options.timeoutMs);
    asking.once('close', () => clearTimeout(timer));
    asking.once('error', reject);
    asking.once('connect', (answer, socket) => {
      clearTimeout(timer);
      if (answer.statusCode === 200) return resolve(socket);
      socket.destroy();
      return reject(codedError('PROXY_REFUSED'));
    });
    asking.end();
  });
}

function connectRequest({ proxy, authority, ca }: TunnelOptions): RequestOptions & { minVersion: 'TLSv1.2' } {
  const login = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const headers = { host: authority };
  return {
    method: 'CONNECT',
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
    path: authority,
    agent: false,
    headers:
      login === ':'
        ? headers
        : { ...headers, 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` },
    ...{ minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) },
  };
}
