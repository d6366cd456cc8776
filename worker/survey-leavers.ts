/** The end of a read, as to leavers: linked people who were met as not wanted, or are not there any more. */
import type { StoredLink } from '../ledger/links.ts';
import type { LeaverCause } from '../model/leaver.ts';
import type { Link } from '../model/link.ts';
import type { Read, Relinks } from './survey-addresses.ts';
import { isOutside, type State } from './survey-state.ts';

/** A linked active person who is not wanted. */
export interface Leaver {
  readonly link: Link;
  readonly cause: LeaverCause;
}

/** What the end of a read shows of those who are not wanted any more. */
export interface ReadEnd {
  readonly complete: boolean;
  readonly leavers: readonly Leaver[];
  readonly relinks: Relinks;
  /** Linked active people. */
  readonly active: number;
  /** Whether this watched person was met, as wanted or as a rejected record, or a new sourceId has their account. */
  readonly present: (sourceId: string) => boolean;
}

export interface Leaving {
  readonly leavers: readonly Leaver[];
  /** Links, as they are to be, of people who are there, not wanted, and protected otherwise than remembered. */
  readonly shields: readonly StoredLink[];
}

/** Linked active people who are not (or no longer) wanted; the missing only after a complete read, or where it was said that they are gone. */
export async function findLeavers(
  state: State,
  { links, complete, relinks }: Read & { relinks: Relinks },
): Promise<Leaving> {
  const inherited = new Set([...relinks.values()].map(({ sourceId }) => sourceId));
  const leavers: Leaver[] = [];
  const shields: StoredLink[] = [];
  for await (const page of links.stored(state.index.unseenBuckets())) {
    for (const stored of page) {
      const cause = causeOf(stored, { state, complete });
      if (cause === undefined || inherited.has(stored.link.sourceId)) continue;
      const link = cause === 'missing' ? stored.link : shieldedLink(stored.link, state);
      if (link.protected !== stored.link.protected) shields.push({ ...stored, link });
      leavers.push({ link, cause });
    }
  }
  return { leavers, shields };
}

/** A record that is there says whether its person is protected now; of who is gone, the link remembers it. */
function shieldedLink(link: Link, state: State): Link {
  return { ...link, protected: state.shielded.has(link.sourceId) };
}

/** Why a linked active person is not wanted; nothing where they are, or are there with a record that was rejected. */
function causeOf(
  { link, bucket, fingerprint }: StoredLink,
  { state, complete }: { state: State; complete: boolean },
): LeaverCause | undefined {
  if (link.state !== 'active') return undefined;
  const presence = state.met.get(link.sourceId);
  if (presence === 'gone') return state.index.wasSeen(bucket, fingerprint) ? undefined : 'missing';
  if (isOutside(presence)) return presence;
  const missed = presence === undefined && state.index.wasMissed(bucket, fingerprint);
  return complete && missed ? 'missing' : undefined;
}
