/** An installation to measure: a sandbox Omni, a Redis of its own, a directory file, a configuration, the program. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { type Sandbox, type SandboxOptions, startSandbox } from '../sandbox/server.ts';
import { startRedis, type TestRedis } from '../test/support/redis.ts';
import { type Launched, launch, type Used, used } from './process.ts';

/** A row of the directory file. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly office: string;
  readonly team: string;
  readonly level: string;
}

/** Requests a minute that are no limit to anything here. */
export const UNLIMITED = 60_000;
const FILE = 'people.ndjson';

export interface InstallationOptions {
  readonly requestsPerMinute?: number;
  readonly sandbox?: SandboxOptions;
  readonly keys?: readonly string[];
  /** `upsert` where left out. */
  readonly policy?: 'upsert' | 'full';
  /** More lines of the sync. */
  readonly settings?: readonly string[];
  /** Users attributes; none where left out. */
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface Installation {
  readonly folder: string;
  readonly configFile: string;
  readonly directoryFile: string;
  readonly sandbox: Sandbox;
  readonly server: TestRedis;
  readonly redis: Redis;
  people(people: readonly Person[]): void;
  /** Runs a verb to its end. */
  cli(...args: string[]): Promise<Used>;
  start(...args: string[]): Launched;
  /** Requests that the sandbox has seen since this was last asked. */
  takeCalls(): number;
  close(): Promise<void>;
}

/** Opens one; the sandbox lives in this process, so that what the program uses is its own. */
export async function openInstallation(options: InstallationOptions = {}): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const rate = options.requestsPerMinute ?? UNLIMITED;
  const keys = options.keys ?? ['omni-sandbox-key'];
  const sandbox = await startSandbox({ requestsPerMinute: rate, keys, ...options.sandbox });
  const server = await startRedis();
  const redis = server.client();
  const configFile = join(folder, 'omni-sync.yaml');
  const directoryFile = join(folder, FILE);
  writeFileSync(configFile, configuration({ ...options, keys, rate, sandbox, server }), { mode: 0o600 });
  const withConfig = (args: readonly string[]) => [...args, '--config', configFile];
  const env = { OMNI_SYNC_DATA: join(folder, 'data') };
  let counted = 0;
  return {
    folder,
    configFile,
    directoryFile,
    sandbox,
    server,
    redis,
    people: (people) =>
      writeFileSync(directoryFile, people.map((person) => `${JSON.stringify(person)}\n`).join('')),
    cli: (...args) => used('cli/main.js', withConfig(args), env),
    start: (...args) => launch('cli/main.js', withConfig(args), env),
    takeCalls() {
      const all = sandbox.calls().length;
      const since = all - counted;
      counted = all;
      return since;
    },
    async close() {
      await server.stop();
      await sandbox.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Place extends InstallationOptions {
  readonly keys: readonly string[];
  readonly rate: number;
  readonly sandbox: Sandbox;
  readonly server: TestRedis;
}

function configuration(place: Place): string {
  const { keys, rate, sandbox, server, policy = 'upsert', settings = [], attributes = {} } = place;
  const mapped = Object.entries(attributes).map(([name, expression]) => `${name}: ${expression}`);
  return `redis: { url: ${server.path} }
server: { listen: "127.0.0.1:0" }
syncs:
  - name: acme
    directory: { type: file, path: ./${FILE} }
    users:
      id: id
      userName: email
      displayName: name
      attributes: { ${mapped.join(', ')} }
    omni: { url: "${sandbox.url}", apiKeys: [${keys.join(', ')}], requestsPerMinute: ${rate} }
    policy: ${policy}
${settings.map((line) => `    ${line}\n`).join('')}`;
}

/** People `from` to `from + count - 1`. */
export function somePeople(count: number, from = 0): Person[] {
  return Array.from({ length: count }, (_, i) => personOf(from + i));
}

/** One of them. */
export function personOf(index: number): Person {
  return {
    id: `E${index}`,
    email: `person.${index}@example.com`,
    name: `First${index % 997} Last${index % 991}`,
    office: `Office ${index % 40}`,
    team: `Team ${index % 200}`,
    level: String(index % 9),
  };
}
