/** Opens the audit record of this host, and checks it, as a configuration has it. */
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import { type ChainKey, chainKey } from '../ledger/audit-chain.ts';
import { checkAudit } from '../ledger/audit-check.ts';
import { tolerant } from '../ledger/audit-failure.ts';
import { fileHost } from '../ledger/audit-files.ts';
import { createAuditHeads } from '../ledger/audit-heads.ts';
import { openTrail, type Trail } from '../ledger/audit-trail.ts';

/** The record that every sync of this process writes to. */
export function openAudit({ config, log, redis }: { config: Config; log: Logger; redis: Redis }): Trail {
  const [key] = keysOf(config);
  const trail = openTrail({
    dataDir: config.dataDir,
    host: fileHost(hostname()),
    heads: createAuditHeads(redis),
    retentionMs: config.audit.retentionMs,
    onHead: (head) => log.info({ audit: head }, 'the head of the audit record'),
    ...(key !== undefined && { key }),
  });
  const onTrouble = (error: Error) => log.error({ code: 'audit.failed', error: error.message }, 'audit');
  return tolerant(trail, { required: config.audit.required, onTrouble });
}

/** Checks every record of the data folder against itself and against the heads that Redis has seen. */
export async function verifyAudit(config: Config, redis: Redis): Promise<ReturnType<typeof checkAudit>> {
  const heads = await createAuditHeads(redis).all();
  return checkAudit({ dataDir: config.dataDir, host: fileHost(hostname()), heads, keys: keysOf(config) });
}

/** The first signs; all check. */
function keysOf({ redis }: Config): ChainKey[] {
  return redis.encryptionKeys.map(chainKey);
}
