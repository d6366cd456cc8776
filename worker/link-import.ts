/**
 * Takes links of a file into the ledger: all of it is judged before anything is written, nothing that is remembered is
 * changed, and whoever is killed on the way does it again. Asks Omni nothing; the next reconcile looks at everybody.
 */
import type { Lease } from '../ledger/lease.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { batches, type Links } from '../ledger/links.ts';
import { SyncError } from '../model/errors.ts';
import type { CarriedLink, LinkFileHead } from '../plan/link-file.ts';
import { recorded } from './audited-operations.ts';
import { judgeLinks } from './link-conflicts.ts';
import { readLinkFile } from './link-file.ts';
import type { SyncParts } from './sync.ts';

export interface ImportOptions {
  /** Who does it, for the audit record. */
  readonly who: string;
  /** Says what would be done, and does nothing. */
  readonly dryRun: boolean;
  /** Accepts a file of another directory or id expression. */
  readonly rebind: boolean;
}

/** What became of a file's links, or would. */
export interface ImportResult {
  readonly name: string;
  readonly read: number;
  readonly added: number;
  /** Remembered already. */
  readonly known: number;
  /** Left to another import, by sourceId: their accounts are being written to now. */
  readonly left: readonly string[];
}

type ImportParts = Pick<SyncParts, 'name' | 'ledger' | 'holder'>;

const PUTS_AT_ONCE = 500;

/** @throws SyncError `config` for a file that is none, or is of another Omni; `conflict` where it contradicts the ledger; `transient` while a reconcile runs. */
export async function importLinks(
  parts: ImportParts,
  chunks: AsyncIterable<Buffer>,
  options: ImportOptions,
): Promise<ImportResult> {
  const { head, rows } = await readLinkFile(chunks);
  assertSame(head, parts, options.rebind);
  if (options.dryRun) {
    const { added, known } = await judged(parts, (await parts.ledger.look()).memory.links, rows);
    return { name: parts.name, read: rows.length, added: added.length, known, left: [] };
  }
  const act = { did: 'import', who: options.who, note: `${rows.length} links` };
  return recorded(parts.ledger.audit, act, () => underLease(parts, rows));
}

function assertSame(head: LinkFileHead, { name, ledger: { identity } }: ImportParts, rebind: boolean): void {
  if (head.omniHost !== identity.omniHost) {
    throw new SyncError(
      'config',
      'links.omni',
      `sync ${name}: the file holds accounts of ${head.omniHost}, and this configuration names ${identity.omniHost}: they mean nothing there`,
    );
  }
  const differs = [
    ['the directory', head.directory, identity.directory],
    ['users.id', head.idExpression, identity.idExpression],
  ].filter(([, theirs, ours]) => theirs !== ours);
  if (differs.length === 0 || rebind) return;
  const what = differs.map(([part, theirs, ours]) => `${part} was ${theirs} and is ${ours}`).join(', ');
  throw new SyncError(
    'config',
    'links.identity',
    `sync ${name}: the links were made under another configuration: ${what}; if both give the same people the same ids, say --rebind`,
  );
}

function judged({ name, ledger }: ImportParts, links: Links, rows: readonly CarriedLink[]) {
  return judgeLinks(rows, { sync: name, links, register: ledger.register });
}

/** No reconcile is under way that has read the links before. */
async function underLease(parts: ImportParts, rows: readonly CarriedLink[]): Promise<ImportResult> {
  const { ledger, name } = parts;
  const { ref } = await ledger.begin();
  const lease = await ledger.lease(parts.holder);
  if (lease === undefined) {
    throw new SyncError(
      'transient',
      'links.busy',
      `sync ${name}: a reconcile runs, and nothing is written beside it; try again when it has ended (\`omni-sync status\` shows it)`,
    );
  }
  try {
    const { added, known } = await judged(parts, ledger.links, rows);
    const keeps = rows.filter(({ kept }) => kept).map(({ link }) => ref(link.sourceId));
    for (const batch of batches(keeps, PUTS_AT_ONCE)) await ledger.leavers.keep(batch);
    const left = await putAll(added, { ledger, lease, ref });
    return { name, read: rows.length, added: added.length - left.length, known, left };
  } finally {
    await lease.release();
  }
}

interface Putting {
  readonly ledger: Ledger;
  readonly lease: Lease;
  readonly ref: (sourceId: string) => string;
}

/** The account is claimed first: a link never stands without its claim. Returns who is left. */
async function putAll(rows: readonly CarriedLink[], { ledger, lease, ref }: Putting): Promise<string[]> {
  const left: string[] = [];
  for (const batch of batches(rows, PUTS_AT_ONCE)) {
    const { foreign } = await ledger.register.claim(batch.map(({ link }) => link.omniId));
    const put = batch.map(async ({ link, kept }) => {
      const mine = !foreign.has(link.omniId);
      const done = mine && (await ledger.carry.put({ ref: ref(link.sourceId), link, kept }, lease.token));
      if (!done) left.push(link.sourceId);
    });
    await Promise.all(put);
  }
  return left.sort();
}
