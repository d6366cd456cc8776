/** Checks the audit record on disk against itself and against the heads that Redis has seen. Changes nothing. */
import { basename } from 'node:path';
import type { ChainKey, Head } from './audit-chain.ts';
import { type AuditFile, auditFiles, auditFolder, linesOf } from './audit-files.ts';
import type { PlacedHead } from './audit-heads.ts';
import { type ChainVerdict, checkChain } from './audit-verify.ts';

/** What the check of one host's record came to. */
export interface HostVerdict extends ChainVerdict {
  readonly host: string;
  readonly files: number;
}

/**
 * Every record of a data folder. `host`: this host, whose record must be there if Redis knows of one. Chains of which
 * Redis knows that lie in other folders are counted as `elsewhere`.
 */
export async function checkAudit(about: {
  readonly dataDir: string;
  readonly host: string;
  readonly heads: readonly PlacedHead[];
  readonly keys: readonly ChainKey[];
}): Promise<{ readonly hosts: readonly HostVerdict[]; readonly elsewhere: number }> {
  const folder = auditFolder(about.dataDir);
  const files = await auditFiles(folder);
  const here = about.heads.filter(
    (head) =>
      head.folder === folder && (head.host === about.host || files.some(({ host }) => host === head.host)),
  );
  const names = new Set([...files, ...here].map(({ host }) => host));
  const hosts: HostVerdict[] = [];
  for (const host of [...names].sort()) {
    const anchors = here.filter((head) => head.host === host).map((head) => [head.trail, head] as const);
    const own = files.filter((file) => file.host === host);
    hosts.push({ host, files: own.length, ...(await checkFiles(own, new Map(anchors), about.keys)) });
  }
  return { hosts, elsewhere: about.heads.length - here.length };
}

async function checkFiles(
  files: readonly AuditFile[],
  anchors: ReadonlyMap<string, Head>,
  keys: readonly ChainKey[],
): Promise<ChainVerdict> {
  const check = checkChain(keys, anchors);
  for (const { path } of files) {
    let line = 0;
    for await (const { text, ended } of linesOf(path)) {
      line++;
      const where = `${basename(path)}:${line}`;
      if (ended) check.line(text, where);
      else check.unended(where);
    }
  }
  return check.end();
}
