/** Who is in Omni already, read once where the ledger knows nobody: ⌈E/100⌉ list pages, instead of two calls a person. */
import type { Links } from '../ledger/links.ts';
import { addressKey, type OmniUser } from '../model/person.ts';
import type { KnownAccount } from '../plan/decide.ts';

export interface Accounts {
  /** By address key. */
  readonly byAddress: ReadonlyMap<string, KnownAccount>;
  /** Whose linked account Omni does not list, by sourceId: an older copy of Redis may name one that is gone since. */
  readonly missing: ReadonlySet<string>;
  /** List pages that were asked for. */
  readonly calls: number;
}

/** Of a ledger that knows Omni already. */
export const NO_ACCOUNTS: Accounts = { byAddress: new Map(), missing: new Set(), calls: 0 };

/** Lists all of Omni's users who are linked to nobody. @throws SyncError as the Omni client does; a list that ends early is an error, not a list. */
export async function readAccounts(
  omni: { listUsers(signal?: AbortSignal): AsyncIterable<readonly OmniUser[]> },
  links: Links,
  signal?: AbortSignal,
): Promise<Accounts> {
  const linked = new Map<string, string>();
  for await (const page of links.stored())
    for (const { link } of page) linked.set(link.omniId.toLowerCase(), link.sourceId);
  const missing = new Set(linked.values());
  const byAddress = new Map<string, KnownAccount>();
  let calls = 0;
  for await (const page of omni.listUsers(signal)) {
    calls++;
    for (const { id, userName, displayName, active } of page) {
      const owner = linked.get(id.toLowerCase());
      if (owner !== undefined) {
        missing.delete(owner);
        continue;
      }
      const key = addressKey(userName);
      if (active || !byAddress.has(key)) byAddress.set(key, { id, displayName, active });
    }
  }
  // A list of nobody is one page too.
  return { byAddress, missing, calls: Math.max(1, calls) };
}

/** Accounts as a survey looks them up, and those that nobody asked for by the read's end. */
export interface AskedAccounts {
  get(addressKey: string): KnownAccount | undefined;
  /** By address key. */
  unmatched(): [addressKey: string, account: KnownAccount][];
}

/** `accounts`, noting who is asked for: what is left belongs to nobody in the directory. */
export function noteAsked(accounts: ReadonlyMap<string, KnownAccount>): AskedAccounts {
  const asked = new Set<string>();
  return {
    get(key) {
      asked.add(key);
      return accounts.get(key);
    },
    unmatched: () => [...accounts].filter(([key]) => !asked.has(key)),
  };
}
