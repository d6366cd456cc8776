/** A small scriptable HTTP(S) server that records what it got, a CONNECT proxy, and certificates of a CA of our own. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps, type ServerOptions } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One request as the server got it, whole. */
export interface Got {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Answer = (got: Got, response: ServerResponse) => unknown;

export interface HttpServer {
  /** Without a trailing slash. */
  readonly url: string;
  readonly port: number;
  readonly got: Got[];
  /** Every connection that was ever accepted. */
  readonly connections: Socket[];
  /** What to say, in turn; the last one stays. */
  answer(...answers: Answer[]): void;
  close(): Promise<void>;
}

/** Starts a server on a free port of 127.0.0.1; with `tls` it speaks https. */
export async function startHttpServer(options: { tls?: ServerOptions } = {}): Promise<HttpServer> {
  const got: Got[] = [];
  const connections: Socket[] = [];
  let answers: Answer[] = [json(200, {})];
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    for await (const chunk of request) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    const one = { method, url, headers, body: Buffer.concat(chunks).toString() };
    got.push(one);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    await answer?.(one, response);
  };
  const server = options.tls ? createHttps(options.tls, listener) : createHttp(listener);
  // It neither closes idle connections nor tells how long it keeps them: that is left to the client.
  server.keepAliveTimeout = 0;
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => undefined);
    connections.push(socket);
  });
  server.on('tlsClientError', () => undefined);
  const port = await listen(server);
  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    got,
    connections,
    answer(...next) {
      answers = next;
    },
    close: () => closed(server, connections),
  };
}

/** An answer of JSON. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return raw(status, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
}

/** An answer of bytes as they are. */
export function raw(status: number, body: string | Buffer, headers: Record<string, string> = {}): Answer {
  return (_got, response) => response.writeHead(status, headers).end(body);
}

/** The connection is cut and nothing is said. */
export const cut: Answer = (_got, response) => response.socket?.destroy();

/** Nothing is ever said. */
export const silence: Answer = () => undefined;

export interface TestProxy {
  readonly url: string;
  /** What it saw: request lines, header values, and every plain byte that it carried. */
  readonly seen: { readonly lines: string[]; readonly logins: (string | undefined)[]; carried: string };
  close(): Promise<void>;
}

/** A proxy that opens tunnels, or answers `status` to every CONNECT. */
export async function startProxy(status = 200): Promise<TestProxy> {
  const seen = { lines: [] as string[], logins: [] as (string | undefined)[], carried: '' };
  const sockets: Socket[] = [];
  const server = createHttp((request, response) => {
    seen.lines.push(`${request.method} ${request.url}`);
    response.writeHead(502).end();
  });
  server.on('connection', (socket: Socket) => sockets.push(socket));
  server.on('connect', (request, client: Socket) => {
    seen.lines.push(`CONNECT ${request.url}`);
    seen.logins.push(request.headers['proxy-authorization']);
    if (status !== 200) return client.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
    const target = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1');
    sockets.push(target);
    for (const socket of [client, target]) socket.on('error', () => undefined);
    client.on('data', (bytes) => {
      seen.carried += bytes.toString('latin1');
    });
    target.once('connect', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(target).pipe(client);
    });
    return client;
  });
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}`, seen, close: () => closed(server, sockets) };
}

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export interface Authority {
  /** PEM text of the CA. */
  readonly ca: string;
  /** A certificate for `names` (subjectAltName), expired where asked for. */
  issue(names: string, options?: { readonly expired?: boolean }): Certificate;
  /** One that vouches for itself alone. */
  selfSigned(names: string): Certificate;
}

/** A certificate authority made by openssl; keeps no files. */
export function makeAuthority(): Authority {
  const root = request('ca', ['-x509', '-days', '2', '-addext', 'basicConstraints=critical,CA:TRUE']);
  return {
    ca: root.cert,
    issue: (names, options = {}) => issue(root, names, options.expired === true),
    selfSigned: (names) => request('alone', ['-x509', '-days', '2', '-addext', `subjectAltName=${names}`]),
  };
}

function issue(root: Certificate, names: string, expired: boolean): Certificate {
  return inFolder((folder) => {
    const asked = request('leaf', []);
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const database = file('index.txt', '');
    const config = file(
      'ca.cnf',
      `[ca]\ndefault_ca=c\n[c]\ndatabase=${database}\nnew_certs_dir=${folder}\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n[x]\nsubjectAltName=${names}\n`,
    );
    const ends = expired ? ['20200101000000Z', '20200102000000Z'] : ['20200101000000Z', '20991231000000Z'];
    const files = ['-in', file('leaf.csr', asked.cert), '-cert', file('ca.pem', root.cert)];
    const args = [
      '-config',
      config,
      '-batch',
      '-notext',
      '-startdate',
      `${ends[0]}`,
      '-enddate',
      `${ends[1]}`,
    ];
    const out = join(folder, 'leaf.pem');
    openssl(['ca', ...args, ...files, '-keyfile', file('ca.key', root.key), '-out', out]);
    return { key: asked.key, cert: readFileSync(out, 'utf8') };
  });
}

/** A key, and a certificate (with `-x509`) or a request for one. */
function request(name: string, extra: readonly string[]): Certificate {
  return inFolder((folder) => {
    const [key, out] = [join(folder, 'key'), join(folder, 'out')];
    const made = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      key,
      '-out',
      out,
    ];
    openssl(['req', ...made, '-subj', `/CN=${name}`, ...extra]);
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(out, 'utf8') };
  });
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'ca-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function closed(server: Server, sockets: readonly Socket[]): Promise<void> {
  const done = new Promise((resolve) => server.close(resolve));
  for (const socket of sockets) socket.destroy();
  await done;
}
