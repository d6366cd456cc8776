/**
 * Which accounts are linked, as a verify pass found it when it began: who is met in Omni's list, and who is not. What
 * has changed since is left for another pass: Omni's answer may be older than the change. In memory alone.
 */
import type { Links, StoredLink } from '../ledger/links.ts';
import { linkMark } from '../ledger/packing.ts';

export interface Known {
  readonly size: number;
  /** Notes that these accounts are there. Returns the links of those that are as when the pass began, by omniId. */
  meet(omniIds: readonly string[]): Promise<Map<string, StoredLink>>;
  /** The buckets of those that were not met. */
  unmetBuckets(): number[];
  /** Whether this link is as when the pass began, and its account was not met. */
  isUnmet(stored: StoredLink): boolean;
}

const MARKS = 2 ** 32;

/** Everyone who is linked now. */
export async function knownAccounts(links: Links): Promise<Known> {
  // One number each, bucket and mark: a million people are to fit.
  const unmet = new Map<string, number>();
  for await (const page of links.stored())
    for (const stored of page) unmet.set(stored.link.omniId, codeOf(stored));
  const bucketOf = (code: number) => Math.floor(code / MARKS);
  return {
    size: unmet.size,
    async meet(omniIds) {
      const codes = new Map<string, number>();
      for (const id of omniIds.map((one) => one.toLowerCase())) {
        const code = unmet.get(id);
        if (code !== undefined) codes.set(id, code);
        unmet.delete(id);
      }
      const found = new Map<string, StoredLink>();
      const buckets = new Set([...codes.values()].map(bucketOf));
      for await (const page of links.stored([...buckets])) {
        for (const stored of page) {
          if (codes.get(stored.link.omniId) === codeOf(stored)) found.set(stored.link.omniId, stored);
        }
      }
      return found;
    },
    unmetBuckets: () => [...new Set([...unmet.values()].map(bucketOf))].sort((a, b) => a - b),
    isUnmet: (stored) => unmet.get(stored.link.omniId) === codeOf(stored),
  };
}

function codeOf({ bucket, link }: StoredLink): number {
  return bucket * MARKS + linkMark(link);
}
