/**
 * The connections that requests travel on, kept alive between them. A connection is handed to a request only once it
 * is up, its certificate checked: so a request that was never given one was provably never sent.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import { connect, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { loopbackLookup, publicLookup } from './address.ts';
import { codedError } from './failure.ts';
import { openTunnel } from './tunnel.ts';

/** Servers commonly close an idle connection after 5 s; ours ends before, so that a request seldom meets the close. */
const IDLE_MS = 4_000;

interface AgentsOptions {
  readonly connectMs: number;
  /** PEM text; these authorities alone are believed, in place of the system's. */
  readonly ca?: string | undefined;
  /** For https targets; http targets are this machine. */
  readonly proxy?: URL | undefined;
}

interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
  /** Closes every connection, those still being opened too; a proxy that is being asked ends at its own time-out. */
  close(): void;
}

type Handover = (error: Error | null, socket: Duplex) => void;

/** Opens nothing yet. TLS is 1.2 at least, and certificates are always checked, whatever the environment says. */
export function openAgents(options: AgentsOptions): Agents {
  const opening = new Set<Socket>();
  const kept = { keepAlive: true, scheduling: 'lifo', timeout: IDLE_MS } as const;
  const http = new HttpAgent(kept);
  http.createConnection = (target, done) => {
    const socket = connect({ port: Number(target.port), host: target.host ?? '', lookup: loopbackLookup });
    handOver({ socket, up: 'connect', connectMs: options.connectMs, opening }, done);
    return undefined;
  };
  const https = new HttpsAgent({
    ...kept,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    lookup: publicLookup,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  const secure = https.createConnection.bind(https);
  https.createConnection = (target, done) => {
    const start = (through: { socket?: Duplex }) => {
      const socket = secure({ ...target, ...through });
      handOver({ socket, up: 'secureConnect', connectMs: options.connectMs, opening }, done);
    };
    way(target, options)
      .then(start)
      .catch((error) => done?.(error, new Socket()));
    return undefined;
  };
  const close = () => {
    for (const agent of [http, https]) agent.destroy();
    for (const socket of opening) socket.destroy();
  };
  return { http, https, close };
}

async function way(target: RequestOptions, options: AgentsOptions): Promise<{ socket?: Duplex }> {
  if (options.proxy === undefined) return {};
  const host = String(target.host);
  const authority = `${host.includes(':') ? `[${host}]` : host}:${target.port}`;
  const { proxy, connectMs: timeoutMs, ca } = options;
  return { socket: await openTunnel({ proxy, authority, timeoutMs, ca }) };
}

interface Opening {
  readonly socket: Duplex | null | undefined;
  readonly up: 'connect' | 'secureConnect';
  readonly connectMs: number;
  readonly opening: Set<Socket>;
}

/** Calls `done` once: when the connection is up, or with what it died of before. */
function handOver({ socket, up, connectMs, opening }: Opening, done: Handover | undefined): void {
  if (!(socket instanceof Socket)) throw new TypeError('an agent opened no socket');
  const timer = setTimeout(() => socket.destroy(codedError('ETIMEDOUT')), connectMs);
  let open = true;
  const settle = (error: Error | null) => {
    if (!open) return;
    open = false;
    clearTimeout(timer);
    opening.delete(socket);
    done?.(error, socket);
  };
  opening.add(socket);
  socket.once(up, () => settle(null));
  // Stays for good: between hand-over and the request's own listener an error must not end the process.
  socket.on('error', settle);
  socket.once('close', () => settle(codedError('ECONNRESET')));
}
