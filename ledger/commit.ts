/** What became of one person, written in one script: link, fingerprint, intent, quarantine, outbox row, audit, counts. */

import type { AuditFacts } from '../model/audit.ts';
import type { ChangeKind } from '../model/change.ts';
import type { Link } from '../model/link.ts';
import { type Audit, VIEW_ALONE } from './audit.ts';
import type { SyncKeys } from './keys.ts';
import { groupOf } from './links.ts';
import { bucketOf, packLink } from './packing.ts';
import type { ScriptedRedis } from './scripts.ts';

/**
 * put: this is the link now. mark: the link stands, and nothing more is to be done for this desired state.
 * drop: the account is gone from Omni. none: there is no link and none is wanted.
 */
export type LinkEffect =
  | { readonly kind: 'put'; readonly link: Link; readonly fingerprint: Buffer }
  | { readonly kind: 'mark'; readonly fingerprint: Buffer }
  | { readonly kind: 'drop' }
  | { readonly kind: 'none' };

/** The effect where nothing is to be written to Omni: the link stands, with the protection that the directory says now. */
export function standingEffect(
  link: Link | undefined,
  isProtected: boolean,
  fingerprint: Buffer,
): LinkEffect {
  if (link === undefined || link.protected === isProtected) return { kind: 'mark', fingerprint };
  return { kind: 'put', link: { ...link, protected: isProtected }, fingerprint };
}

export interface Commit {
  readonly ref: string;
  readonly sourceId: string;
  /** The version of the outbox row that was applied. */
  readonly version: string;
  readonly effect: LinkEffect;
  readonly run: string;
  /** The link comes from this sourceId, which has it no more. */
  readonly from?: { readonly sourceId: string; readonly ref: string };
  /** What to count it as in the run; absent: nothing was changed. */
  readonly kind?: ChangeKind;
  /** Requests that Omni got for it. */
  readonly calls: number;
  readonly audit?: AuditFacts;
}

export interface Committer {
  /** Whether this person has nothing more to apply: false where a newer desired state waits. */
  commit(commit: Commit): Promise<boolean>;
}

/** The keys and arguments of the script; what is to be audited is in the record on disk by then: it may stand there twice, never not. */
export async function commitArgs(commit: Commit, keys: SyncKeys, audit: Pick<Audit, 'stamp' | 'keep'>) {
  const record = commit.audit && audit.stamp(commit.audit);
  if (record !== undefined) await audit.keep(record, false);
  const { effect, ref, sourceId, version } = commit;
  const bucket = bucketOf(sourceId);
  const from = bucketOf(commit.from?.sourceId ?? sourceId);
  const entry = effect.kind === 'put' ? packLink(effect.link) : '';
  const print = effect.kind === 'put' || effect.kind === 'mark' ? effect.fingerprint : '';
  const about = [
    ...[keys.links(bucket), keys.index(groupOf(bucket)), keys.outbox, keys.intents],
    ...[keys.quarantine, keys.audit, keys.run(commit.run), keys.leavers, keys.approvals],
    ...[keys.links(from), keys.index(groupOf(from))],
  ];
  const args = [
    ...[bucket, sourceId, effect.kind, entry, print, ref, version],
    ...[record === undefined ? '' : JSON.stringify(record), commit.kind ?? '', commit.calls],
    ...[from, commit.from?.sourceId ?? '', commit.from?.ref ?? ''],
  ];
  return { about, args };
}

/** The committer of one sync. */
export function createCommitter(redis: ScriptedRedis, keys: SyncKeys, audit = VIEW_ALONE): Committer {
  return {
    async commit(commit) {
      const { about, args } = await commitArgs(commit, keys, audit);
      return (await redis.commitPerson(...about, ...args)) === 1;
    },
  };
}
