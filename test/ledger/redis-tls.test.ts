/** TLS to Redis in every form of its address, against real servers with a CA of our own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConnectOptions, connectRedis } from '../../ledger/connect.ts';
import { type Authority, makeAuthority } from '../support/http-server.ts';

const NAMES = 'DNS:localhost,IP:127.0.0.1';
const PASSWORD = 'planted-redis-password';
const folder = mkdtempSync(join(tmpdir(), 'redis-tls-'));
const servers: ChildProcess[] = [];
let authority: Authority;
let port: number;

beforeAll(async () => {
  authority = makeAuthority();
  port = await startServer('alone');
});

afterAll(() => {
  for (const server of servers) server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The settings of a server that speaks nothing but TLS, with a certificate of the authority. */
async function tlsSettings(name: string): Promise<{ own: number; args: readonly string[] }> {
  const { key, cert } = authority.issue(NAMES);
  const file = (kind: string, text: string) => {
    writeFileSync(join(folder, `${name}.${kind}`), text, { mode: 0o600 });
    return join(folder, `${name}.${kind}`);
  };
  const own = await freePort();
  const ports = [
    '--port',
    '0',
    '--tls-port',
    `${own}`,
    '--tls-auth-clients',
    'no',
    '--tls-replication',
    'yes',
  ];
  const pair = ['--tls-cert-file', file('pem', cert), '--tls-key-file', file('key', key)];
  return { own, args: [...ports, ...pair, '--tls-ca-cert-file', file('ca', authority.ca), '--dir', folder] };
}

async function start(args: readonly string[], ready: string): Promise<void> {
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  servers.push(child);
  for await (const line of createInterface({ input: child.stdout })) if (line.includes(ready)) return;
  throw new Error('redis-server ended');
}

async function startServer(name: string, more: readonly string[] = []): Promise<number> {
  const { own, args } = await tlsSettings(name);
  await start([...args, '--save', '', '--requirepass', PASSWORD, ...more], 'Ready to accept');
  return own;
}

/** A sentinel that watches the master at `of`. */
async function startSentinel(of: number): Promise<number> {
  const { own, args } = await tlsSettings('sentinel');
  const file = join(folder, 'sentinel.conf');
  writeFileSync(file, `sentinel monitor m 127.0.0.1 ${of} 1\nsentinel auth-pass m ${PASSWORD}\n`);
  await start([file, '--sentinel', ...args], '+monitor');
  return own;
}

/** A cluster of one node that has every slot. */
async function startCluster(): Promise<number> {
  const cluster = [
    '--cluster-enabled',
    'yes',
    '--tls-cluster',
    'yes',
    '--cluster-port',
    `${await freePort()}`,
  ];
  const own = await startServer('node', [...cluster, '--cluster-announce-ip', '127.0.0.1']);
  const tls = { ca: authority.ca };
  const redis = await connectRedis({ ...single(`rediss://localhost:${own}`), tls, ...AS });
  await redis.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  while (!String(await redis.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) await sleep(20);
  redis.disconnect();
  return own;
}

const AS = { password: PASSWORD, onError: () => undefined };
const single = (url: string) => ({ address: { type: 'single', url } }) as const;

/** What came of connecting: what Redis answered, or the error. */
async function asked(options: Omit<ConnectOptions, 'onError' | 'password'>): Promise<unknown> {
  try {
    const redis = await connectRedis({ ...options, ...AS });
    const answer = await redis.echo('hello');
    redis.disconnect();
    return answer;
  } catch (error) {
    return error;
  }
}

/** The first bytes that a server is sent by who connects to it as to this kind of Redis. */
async function firstBytes(addressOf: (port: number) => ConnectOptions['address']): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  void asked({ address: addressOf(typeof address === 'object' && address !== null ? address.port : 0) });
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  server.close();
  return bytes;
}

describe('tlsOptions', () => {
  it('speaks TLS with the CA that is given, by the setting or by the address', async () => {
    const tls = { ca: authority.ca };
    expect(await asked({ ...single(`rediss://localhost:${port}`), tls })).toBe('hello');
    expect(await asked({ ...single(`redis://127.0.0.1:${port}`), tls })).toBe('hello');
  });

  it('speaks TLS to sentinels and to the master that they name', async () => {
    const hosts = [{ host: 'localhost', port: await startSentinel(port) }];
    const address = { type: 'sentinel', name: 'm', hosts } as const;
    expect(await asked({ address, tls: { ca: authority.ca } })).toBe('hello');
  });

  it('speaks TLS to each node of a cluster', async () => {
    const address = { type: 'cluster', urls: [`rediss://localhost:${await startCluster()}`] } as const;
    expect(await asked({ address, tls: { ca: authority.ca } })).toBe('hello');
  });

  it('sends nothing in plain text to an address that says rediss', async () => {
    const url = (at: number) => `rediss://user:${PASSWORD}@127.0.0.1:${at}`;
    const alone = await firstBytes((at) => ({ type: 'single', url: url(at) }));
    const cluster = await firstBytes((at) => ({ type: 'cluster', urls: [url(at)] }));
    // 22 begins a TLS handshake.
    expect([alone[0], cluster[0]]).toEqual([22, 22]);
  });

  it('refuses a certificate of another authority, though the environment turns the check off', async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    const came = await asked({ ...single(`rediss://localhost:${port}`), tls: { ca: makeAuthority().ca } });
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    expect(came).toMatchObject({ kind: 'config', code: 'redis.unreachable' });
  });
});
