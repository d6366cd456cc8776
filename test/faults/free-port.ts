/** A port that is free for a server which must be told its port before it starts. */
import { createServer } from 'node:net';

/** Nobody listens there now; somebody might, a moment later. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
