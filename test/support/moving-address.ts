/** A TCP address that leads to a Redis of the test's choice, as a failover would have it; or nowhere for a while, without a word. */
import { createServer, type Socket, connect as tcpConnect } from 'node:net';

export interface MovingAddress {
  readonly port: number;
  /** New connections go there from now on. `cut`: those that stand are reset. */
  lead(to: { readonly path: string }, options?: { readonly cut: boolean }): void;
  /** Swallows everything, and answers nothing, for so many milliseconds; the connections stay. */
  hold(ms: number): Promise<void>;
  stop(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1 and leads to the socket at `path`. */
export async function startMovingAddress(first: { readonly path: string }): Promise<MovingAddress> {
  let { path } = first;
  let held = false;
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, (client) => {
    const upstream = tcpConnect(path);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    client.on('close', () => upstream.destroy()).on('data', (data) => upstream.write(data));
    upstream.on('close', () => client.destroy()).on('data', (data) => client.write(data));
    if (held) upstream.pause();
    else client.resume();
  });
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    lead(to, { cut } = { cut: true }) {
      path = to.path;
      if (cut) cutAll();
    },
    async hold(ms) {
      held = true;
      for (const socket of sockets) socket.pause();
      await new Promise((resolve) => setTimeout(resolve, ms));
      held = false;
      for (const socket of sockets) socket.resume();
    },
    async stop() {
      cutAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
