/** Reads the audit record of one sync back: this folder's files and Redis's view, merged. Checks no chain; audit-check does. */
import type { Redis } from 'ioredis';
import type { AuditEntry } from '../model/audit.ts';
import { readRecord } from './audit-chain.ts';
import { type AuditFile, auditFiles, auditFolder, linesOf, sinceOf } from './audit-files.ts';
import type { SyncKeys } from './keys.ts';

export interface AuditQuery {
  /** These people alone. */
  readonly sourceIds?: readonly string[];
  /** Not before this time, in milliseconds since 1970. */
  readonly since?: number;
}

interface Sources {
  readonly redis: Redis;
  readonly keys: SyncKeys;
  readonly sync: string;
  readonly dataDir: string;
}

/** The entries, the oldest first, each once; of one millisecond in the order in which they were written. */
export async function readAudit(sources: Sources, query: AuditQuery): Promise<AuditEntry[]> {
  const found = new Map<string, AuditEntry>();
  const add = (entry: AuditEntry) => {
    const key = `${entry.did} ${entry.id ?? found.size}`;
    const known = found.get(key);
    // The end of an act stands for its beginning.
    const isNews = known === undefined || (known.outcome === undefined && entry.outcome !== undefined);
    if (!isNews || !isWanted(entry, sources.sync, query)) return;
    found.delete(key);
    found.set(key, entry);
  };
  const view = await viewOf(sources);
  const words = query.sourceIds?.map((sourceId) => JSON.stringify(sourceId));
  for (const { path } of await filesSince(auditFolder(sources.dataDir), query.since)) {
    for await (const { text } of linesOf(path)) {
      // Most lines are of others: they are not parsed.
      const isNamed = words?.some((word) => text.includes(word)) ?? true;
      const entry = isNamed ? readRecord(text, [])?.record : undefined;
      if (entry !== undefined) add(entry);
    }
  }
  // After the files: the view has of a write what came of it alone, which stands in the file behind what led to it.
  for (const entry of view) add(entry);
  return [...found.values()].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

function isWanted(entry: AuditEntry, sync: string, { sourceIds, since }: AuditQuery): boolean {
  if (entry.sync !== sync) return false;
  if (since !== undefined && Date.parse(entry.at) < since) return false;
  const isOf = (sourceId: string) => entry.sourceId === sourceId || entry.people?.includes(sourceId) === true;
  return sourceIds?.some(isOf) ?? true;
}

async function viewOf({ redis, keys, sync }: Sources): Promise<AuditEntry[]> {
  const rows = await redis.xrange(keys.audit, '-', '+');
  return rows.map(([id, [, json = '{}']]) => {
    const at = new Date(Number(id.split('-')[0])).toISOString();
    return { at, sync, ...(JSON.parse(json) as Partial<AuditEntry> & { did: string }) };
  });
}

/** Without the files that end before `since`. */
async function filesSince(folder: string, since: number | undefined): Promise<AuditFile[]> {
  const files = await auditFiles(folder);
  if (since === undefined) return files;
  const kept: AuditFile[] = [];
  for (const [i, file] of files.entries()) {
    const next = files[i + 1];
    const ended = next?.host === file.host ? await sinceOf(next.path) : undefined;
    if (ended === undefined || ended >= since) kept.push(file);
  }
  return kept;
}
