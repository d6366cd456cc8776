/** The end of a read: who must be left alone for sharing an address, and who is not there any more. */
import type { Links } from '../ledger/links.ts';
import type { Link } from '../model/link.ts';
import { addressKey } from '../model/person.ts';
import { type Cause, type State, twin, type Verdict } from './survey-state.ts';

export interface Leaver {
  readonly link: Link;
  readonly cause: Cause | 'missing';
}

/** Those who waited for the end, less everyone whose address another has. */
export async function withoutTwins(state: State, links: Links): Promise<Verdict[]> {
  const byAddress = new Map<string, string[]>();
  for (const { desired, sourceId } of state.late.values()) {
    const key = addressKey(desired.userName);
    byAddress.set(key, [...(byAddress.get(key) ?? []), sourceId]);
  }
  if (byAddress.size > 0) await addHolders(byAddress, state, links);
  for (const sourceIds of byAddress.values()) {
    if (sourceIds.length < 2) continue;
    for (const sourceId of sourceIds) if (state.late.has(sourceId)) twin(state, sourceId, 'userName');
  }
  const verdicts = [...state.late.values()];
  for (const { decision } of verdicts) {
    if (decision.kind !== 'none' && decision.kind !== 'withhold') state.changes[decision.kind]++;
  }
  return verdicts;
}

/** Adds who holds one of these addresses already, unless they are about to give it up. */
async function addHolders(byAddress: Map<string, string[]>, state: State, links: Links): Promise<void> {
  if (state.index.size === 0) return;
  for await (const page of links.stored()) {
    for (const { link } of page) {
      const claimants = byAddress.get(addressKey(link.userName));
      const leaves = state.late.get(link.sourceId)?.decision.kind === 'rename';
      if (claimants !== undefined && !leaves && !claimants.includes(link.sourceId))
        claimants.push(link.sourceId);
    }
  }
}

/** Linked people who are not (or no longer) wanted; the missing only after a complete read. */
export async function findLeavers(state: State, links: Links, complete: boolean): Promise<Leaver[]> {
  const leavers: Leaver[] = [];
  for await (const page of links.stored(state.index.unseenBuckets())) {
    for (const { link, bucket, fingerprint } of page) {
      const presence = state.met.get(link.sourceId);
      if (presence === 'rejected' || presence === 'known' || state.index.wasSeen(bucket, fingerprint))
        continue;
      if (presence !== undefined) leavers.push({ link, cause: presence });
      else if (complete) leavers.push({ link, cause: 'missing' });
    }
  }
  return leavers;
}
