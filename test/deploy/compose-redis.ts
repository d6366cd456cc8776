/** The Redis of docker-compose.yml, started by its own command: on a free port and in a folder of the test. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { parse } from 'yaml';

export interface ComposeRedis {
  readonly port: number;
  /** The file of its password, as the secret of the compose file. */
  readonly passwordFile: string;
  /** A connection that has the password; closed by `stop`. */
  readonly client: Redis;
  /** The command of the health check. */
  readonly healthcheck: string;
  /** SIGTERM; its exit status. */
  stop(): Promise<number | null>;
}

interface RedisService {
  readonly command: readonly string[];
  readonly healthcheck: { readonly test: readonly [string, string] };
}

const PASSWORD = 'b2f1c7d0e4a95863';

/** Starts it with its data in `folder` and waits until it answers. */
export async function startComposeRedis(folder: string): Promise<ComposeRedis> {
  const file = new URL('../../docker-compose.yml', import.meta.url);
  const { services } = parse(readFileSync(file, 'utf8')) as { services: { redis: RedisService } };
  const { command, healthcheck } = services.redis;
  const passwordFile = join(folder, 'redis_password');
  writeFileSync(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  const port = await freePort();
  const here = (text: string) =>
    text
      .replaceAll('$$', '$')
      .replaceAll('/run/secrets/redis_password', passwordFile)
      .replace('dir /data', `dir ${folder}\nport ${port}\nbind 127.0.0.1`)
      .replace('redis-cli ping', `redis-cli -p ${port} ping`);
  const [shell = '', ...args] = command.map(here);
  const child = spawn(shell, args, { stdio: 'ignore' });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const client = new Redis({ port, password: PASSWORD, retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  await client.ping();
  return {
    port,
    passwordFile,
    client,
    healthcheck: here(healthcheck.test[1]),
    async stop() {
      client.disconnect();
      child.kill('SIGTERM');
      const [status] = await ended;
      return status;
    },
  };
}

/** Free now; what takes it is started at once. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
