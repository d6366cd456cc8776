/** What a changed configuration means for a service that runs. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { Config, SyncConfig } from '../config/schema.ts';

export interface ReloadPlan {
  readonly added: readonly SyncConfig[];
  readonly changed: readonly SyncConfig[];
  /** Names. */
  readonly removed: readonly string[];
  /** Sections that only another start takes over. */
  readonly restart: readonly string[];
}

/** Held open from the start: connections, files and ports hang on them. */
const STANDING = ['dataDir', 'redis', 'audit', 'server'] as const;

/** Compares what runs with what is wanted now. */
export function planReload(runs: Config, wanted: Config): ReloadPlan {
  const before = new Map(runs.syncs.map((sync) => [sync.name, sync]));
  const names = new Set(wanted.syncs.map(({ name }) => name));
  return {
    added: wanted.syncs.filter(({ name }) => !before.has(name)),
    changed: wanted.syncs.filter((sync) => {
      const old = before.get(sync.name);
      return old !== undefined && !isDeepStrictEqual(old, sync);
    }),
    removed: runs.syncs.flatMap(({ name }) => (names.has(name) ? [] : [name])),
    restart: STANDING.filter((section) => !isDeepStrictEqual(runs[section], wanted[section])),
  };
}

/** What runs once the plan is carried out: what needs another start stays as it was. */
export function reloaded(runs: Config, wanted: Config): Config {
  return { ...wanted, ...Object.fromEntries(STANDING.map((section) => [section, runs[section]])) };
}
