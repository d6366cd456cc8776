/** The whole configuration: its root, and the types that everyone above reads. Never reads a file itself. */
import type { z } from 'zod';
import { type AlertConfig, alertsSchema } from './alerts.ts';
import { type AuditConfig, auditSchema } from './audit.ts';
import type { ExpressionCheck } from './expressions.ts';
import { IN_SECTION, list, section, text } from './fields.ts';
import type { Files } from './files.ts';
import { type RedisConfig, redisSchema } from './redis.ts';
import { type ServerConfig, serverSchema } from './server.ts';
import { type SyncConfig, syncSchema } from './sync.ts';

export type { DirectoryConfig } from './directory.ts';
export type { SyncConfig } from './sync.ts';

/** What the operator said, checked and resolved: paths are absolute, durations milliseconds, secrets their values. */
export interface Config {
  /** The file that it came from, absolute. */
  readonly file: string;
  /** That file's mark from before it was read. */
  readonly mark: string;
  /** What works and should still be looked at. Holds no secret. */
  readonly warnings: readonly string[];
  /** Absolute. */
  readonly dataDir: string;
  readonly redis: RedisConfig;
  readonly audit: AuditConfig;
  readonly server: ServerConfig;
  readonly alerts: readonly AlertConfig[];
  /** At least one. */
  readonly syncs: readonly SyncConfig[];
}

/** The root of the file, its expressions held to `check`. `dataDir` is absent where the file does not name it. */
export function configSchema(files: Files, check: ExpressionCheck = () => []) {
  return section('the configuration of omni-directory-sync', {
    dataDir: text('the folder of the private Redis and the audit record', 'a text with its path')
      .transform((path) => files.absolute(path))
      .exactOptional(),
    redis: redisSchema(files).prefault({}),
    audit: auditSchema().prefault({}),
    server: serverSchema(files).prefault({}),
    alerts: alertsSchema(files).prefault([]),
    syncs: list('one entry for each pair of a directory and an Omni instance', syncSchema(files, check)),
  }).superRefine(distinctNames, IN_SECTION);
}

function distinctNames(config: { readonly syncs?: readonly unknown[] }, context: z.RefinementCtx): void {
  const seen = new Map<unknown, number>();
  if (!Array.isArray(config.syncs)) return;
  for (const [index, sync] of config.syncs.entries()) {
    const name = typeof sync === 'object' && sync !== null && 'name' in sync ? sync.name : undefined;
    const other = seen.get(name);
    if (typeof name === 'string' && other !== undefined) {
      const message = `is the name of syncs[${other}] too: give each its own`;
      context.addIssue({ code: 'custom', path: ['syncs', index, 'name'], message });
    }
    if (other === undefined) seen.set(name, index);
  }
}
