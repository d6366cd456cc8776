/**
 * The HTTP client of the daemon: axios with its unsafe defaults turned off. It never follows a redirect, never obeys a
 * proxy of the environment, never reads without a bound in bytes and time, and never lets an axios error out.
 */
import { X509Certificate } from 'node:crypto';
import { type ClientRequest, request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import axios, { type AxiosInstance } from 'axios';
import { SyncError } from '../model/errors.ts';
import { isForbiddenHost, isLoopbackHost } from './address.ts';
import { openAgents } from './agents.ts';
import { type Attempt, failure, failureOf } from './failure.ts';
import type { Http, HttpAnswer, HttpRequest } from './http.ts';

const MAX_BYTES = 1024 * 1024;

export interface HttpOptions {
  /** How long a request may take in all: connecting, headers and body, in milliseconds. */
  readonly timeoutMs: number;
  readonly userAgent: string;
  /** PEM text of the authorities to believe, in place of the system's. */
  readonly ca?: string;
  /** `http://` or `https://` URL of a proxy for https targets, perhaps with credentials. Nothing else makes one used. */
  readonly proxy?: string;
  /** Cap of a request's and of an answer's body after decompression, in bytes; 1 MiB where left out. */
  readonly maxBytes?: number;
}

export interface HttpClient {
  readonly send: Http;
  /** Closes every connection; what is in flight fails. */
  close(): void;
}

/**
 * A client that opens connections as it needs them.
 * @throws SyncError `config` where `ca` or `proxy` cannot be read.
 */
export function createHttp(options: HttpOptions): HttpClient {
  const agents = openAgents({
    connectMs: options.timeoutMs,
    ca: checkedCa(options.ca),
    proxy: checkedProxy(options.proxy),
  });
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  const client = axios.create({
    httpAgent: agents.http,
    httpsAgent: agents.https,
    proxy: false,
    maxRedirects: 0,
    maxBodyLength: maxBytes,
    maxContentLength: maxBytes,
    responseType: 'arraybuffer',
    validateStatus: () => true,
    transformRequest: [(data) => data],
    transformResponse: [(data) => data],
    headers: { 'User-Agent': options.userAgent, 'Accept-Encoding': 'gzip' },
  });
  return {
    send: (request) => exchange(request, { client, maxBytes, timeoutMs: options.timeoutMs }),
    close: agents.close,
  };
}

interface Settings {
  readonly client: AxiosInstance;
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

async function exchange(request: HttpRequest, settings: Settings): Promise<HttpAnswer> {
  const { method } = request;
  const url = checkedUrl(request);
  const data = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
  const unsent: Attempt = { method, origin: url.origin, sent: false };
  if (data && data.byteLength > settings.maxBytes) throw failure('REQUEST_TOO_LARGE', unsent);
  const deadline = startDeadline(settings.timeoutMs, request.signal);
  const wire = watchedTransport();
  try {
    const answer = await settings.client.request({
      url: url.href,
      method,
      headers: { ...(data ? { 'Content-Type': 'application/json' } : {}), ...request.headers },
      data,
      signal: deadline.signal,
      transport: wire.transport,
    });
    return {
      status: answer.status,
      headers: plainHeaders(answer.headers),
      body: new TextDecoder().decode(answer.data),
    };
  } catch (error) {
    throw failureOf(error, { ...unsent, sent: wire.connected(), stopped: deadline.stopped() });
  } finally {
    deadline.clear();
  }
}

/** Node's own request functions, and whether the request was given a connection. */
function watchedTransport() {
  let connected = false;
  const transport = {
    request(options: object & { protocol?: string }, answered: () => void): ClientRequest {
      const request = (options.protocol === 'https:' ? overHttps : overHttp)(options, answered);
      request.once('socket', () => {
        connected = true;
      });
      return request;
    },
  };
  return { transport, connected: () => connected };
}

/** One signal for the total time and the caller's. By hand: AbortSignal.any leaks on a long-lived signal in Node 20. */
function startDeadline(timeoutMs: number, caller: AbortSignal | undefined) {
  const controller = new AbortController();
  let stopped: Attempt['stopped'];
  const stop = (why: 'DEADLINE' | 'ABORTED') => {
    stopped ??= why;
    controller.abort();
  };
  const onAbort = () => stop('ABORTED');
  const timer = setTimeout(() => stop('DEADLINE'), timeoutMs);
  caller?.addEventListener('abort', onAbort, { once: true });
  if (caller?.aborted) onAbort();
  const clear = () => {
    clearTimeout(timer);
    caller?.removeEventListener('abort', onAbort);
  };
  return { signal: controller.signal, stopped: () => stopped, clear };
}

function checkedUrl(request: HttpRequest): URL {
  const url = URL.canParse(request.url) ? new URL(request.url) : undefined;
  const attempt: Attempt = { method: request.method, origin: url?.origin ?? 'a URL', sent: false };
  if (url === undefined || url.username !== '' || url.password !== '') throw failure('BAD_URL', attempt);
  const loopback = url.protocol === 'http:' && isLoopbackHost(url.hostname);
  if (url.protocol !== 'https:' && !loopback) throw failure('INSECURE_URL', attempt);
  if (isForbiddenHost(url.hostname)) throw failure('FORBIDDEN_ADDRESS', attempt);
  return url;
}

function checkedProxy(proxy: string | undefined): URL | undefined {
  if (proxy === undefined) return undefined;
  const url = URL.canParse(proxy) ? new URL(proxy) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new SyncError(
    'config',
    'http.proxy',
    'The proxy must be a URL that begins with http:// or https://.',
  );
}

function checkedCa(ca: string | undefined): string | undefined {
  if (ca === undefined) return undefined;
  try {
    new X509Certificate(ca);
    return ca;
  } catch {
    throw new SyncError(
      'config',
      'http.ca',
      'The CA file holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).',
    );
  }
}

function plainHeaders(headers: object): Record<string, string> {
  const entries = Object.entries(headers).map(
    ([name, value]) => [name.toLowerCase(), String(value)] as const,
  );
  return Object.fromEntries(entries);
}
