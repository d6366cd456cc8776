/** Configurations for tests: a small one that is right, ways to spoil it, and a folder to load it from. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { stringify } from 'yaml';
import { ConfigError } from '../../config/errors.ts';
import { loadConfig } from '../../config/load.ts';

type Env = Record<string, string | undefined>;
type Tree = Record<string | number, unknown>;

const root = mkdtempSync(join(tmpdir(), 'config-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A folder of its own, removed after the file's tests. */
export function folder(): string {
  return mkdtempSync(join(root, 'f-'));
}

/** Writes a file with a mode and answers its path. */
export function write(path: string, content: string | Buffer, mode = 0o600): string {
  writeFileSync(path, content, { mode });
  return path;
}

/** The smallest configuration that is right. */
export function right(): { syncs: [Tree & { users: Tree; omni: Tree; directory: Tree }, ...Tree[]] } & Tree {
  return {
    syncs: [
      {
        name: 'acme',
        directory: { type: 'file', path: './people.csv' },
        users: { id: 'employee_id', userName: 'email', displayName: 'name' },
        omni: { url: 'https://acme.omniapp.co', apiKey: 'key-of-acme-0123456789' },
        policy: 'upsert',
      },
    ],
  };
}

export const LDAP = { type: 'ldap', url: 'ldaps://ldap.example.com', baseDn: 'dc=example,dc=com' };

/** The right configuration with one setting changed, or removed where `value` is undefined. */
export function spoilt(path: string, value: unknown): Tree {
  const tree: Tree = right();
  const steps = path.split(/[.[\]]+/).filter((step) => step !== '');
  const last = steps.pop() ?? '';
  let here = tree;
  for (const step of steps) {
    here[step] ??= {};
    here = here[step] as Tree;
  }
  if (value === undefined) delete here[last];
  else here[last] = value;
  return tree;
}

/** Loads a configuration, as a tree or as text, from a folder of its own. */
export function load(content: unknown, env: Env = {}, cwd = folder()) {
  const text = typeof content === 'string' ? content : stringify(content);
  return loadConfig({ path: write(join(cwd, 'omni-sync.yaml'), text), env, cwd });
}

/** The error that loading ends with; fails where it does not, or where it is no ConfigError. */
export function refusal(content: unknown, env: Env = {}, cwd = folder()): ConfigError {
  return refusalOf(() => load(content, env, cwd));
}

export function refusalOf(attempt: () => unknown): ConfigError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('was accepted');
}
