/** Whose the accounts are: counted from the links when somebody asks, so that no run pays for it. */
import type { Memory } from '../ledger/ledger.ts';
import type { Link } from '../model/link.ts';

/** Accounts by how they came to be ours. Every link counts once. */
export interface AccountCounts {
  /** Active accounts that we made, and that were there; without the protected ones. */
  readonly created: number;
  readonly adopted: number;
  /** Never written. */
  readonly protected: number;
  /** Taken away by us, and remembered. */
  readonly deactivated: number;
  /** In Omni when it was last listed, and nobody's in the directory: never touched. */
  readonly foreign: number;
}

export interface Provenances {
  readonly counts: AccountCounts;
  readonly shielded: readonly Link[];
}

/** Reads every link. `shields`: whether a link is protected by what is known now; left out, by what it remembers. */
export async function readProvenances(
  { links, unmatched }: Pick<Memory, 'links' | 'unmatched'>,
  shields: (link: Link) => boolean = (link) => link.protected,
): Promise<Provenances> {
  const counts = { created: 0, adopted: 0, protected: 0, deactivated: 0 };
  const shielded: Link[] = [];
  for await (const page of links.stored()) {
    for (const { link } of page) {
      if (link.state === 'deactivated') counts.deactivated++;
      else if (shields(link)) {
        counts.protected++;
        shielded.push(link);
      } else counts[link.provenance]++;
    }
  }
  return { counts: { ...counts, foreign: (await unmatched()).length }, shielded };
}
