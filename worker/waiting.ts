/** Whose desired state waits when a read begins. */
import type { Ledger } from '../ledger/ledger.ts';
import { addressKey } from '../model/person.ts';
import type { KnownAccount } from '../plan/decide.ts';

export interface Waiting {
  readonly refs: ReadonlySet<string>;
  /** Those among them who wait to be taken away. */
  readonly leaving: ReadonlySet<string>;
  /** Those whose account a full resync is still to read. */
  readonly unread: ReadonlySet<string>;
  /** The accounts that they are to adopt, by address key: a run that lists nobody must not make creates of them. */
  readonly accounts: ReadonlyMap<string, KnownAccount>;
  /** sourceId → the address that they are to have. */
  readonly addresses: ReadonlyMap<string, string>;
}

/** Reads the whole outbox. */
export async function readWaiting(ledger: Pick<Ledger, 'outbox'>): Promise<Waiting> {
  const refs = new Set<string>();
  const leaving = new Set<string>();
  const unread = new Set<string>();
  const accounts = new Map<string, KnownAccount>();
  const addresses = new Map<string, string>();
  for await (const page of ledger.outbox.rows()) {
    for (const { ref, sourceId, desired, account, leave, readBack } of page) {
      refs.add(ref);
      if (leave !== undefined) leaving.add(ref);
      if (readBack === true) unread.add(ref);
      if (desired === undefined) continue;
      const address = addressKey(desired.userName);
      addresses.set(sourceId, address);
      if (account !== undefined) accounts.set(address, account);
    }
  }
  return { refs, leaving, unread, accounts, addresses };
}
