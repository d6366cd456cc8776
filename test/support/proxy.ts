/** A TCP proxy that spoils connections on purpose: late, cut, or silent for ever. */
import { createServer, type Socket, connect as tcpConnect } from 'node:net';

export interface ProxyFaults {
  /** Milliseconds by which each piece from the server is late. */
  readonly delayMs?: number;
  /** The connection is reset once this many bytes came from the server. */
  readonly cutAfterBytes?: number;
  /** What the server says after this many bytes is swallowed; the connection stays. */
  readonly silentAfterBytes?: number;
}

export interface FaultyProxy {
  readonly port: number;
  /** Connections made so far. */
  readonly connections: () => number;
  stop(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1 and passes on to `targetPort`. */
export async function startProxy(targetPort: number, faults: ProxyFaults = {}): Promise<FaultyProxy> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    connections += 1;
    const upstream = tcpConnect(targetPort, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    client.on('data', (data) => upstream.write(data)).on('close', () => upstream.destroy());
    upstream.on('close', () => client.end());
    passOn(upstream, client, faults);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections: () => connections,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function passOn(upstream: Socket, client: Socket, faults: ProxyFaults): void {
  let passed = 0;
  const limit = Math.min(faults.cutAfterBytes ?? Infinity, faults.silentAfterBytes ?? Infinity);
  upstream.on('data', (data) => {
    const rest = data.subarray(0, Math.max(0, limit - passed));
    passed += data.length;
    const send = () => {
      if (rest.length > 0 && !client.destroyed) client.write(rest);
      if (passed >= limit && faults.cutAfterBytes !== undefined) client.end(() => client.destroy());
    };
    if (faults.delayMs === undefined) send();
    else setTimeout(send, faults.delayMs);
  });
}
