/** Whose desired state waits when a read begins. */
import type { Ledger } from '../ledger/ledger.ts';
import { addressKey } from '../model/person.ts';
import type { KnownAccount } from '../plan/decide.ts';

export interface Waiting {
  readonly refs: ReadonlySet<string>;
  /** Those among them who wait to be taken away. */
  readonly leaving: ReadonlySet<string>;
  /** The accounts that they are to adopt, by address key: a run that lists nobody must not make creates of them. */
  readonly accounts: ReadonlyMap<string, KnownAccount>;
}

/** Reads the whole outbox. */
export async function readWaiting(ledger: Ledger): Promise<Waiting> {
  const refs = new Set<string>();
  const leaving = new Set<string>();
  const accounts = new Map<string, KnownAccount>();
  for await (const page of ledger.outbox.rows()) {
    for (const { ref, desired, account, leave } of page) {
      refs.add(ref);
      if (leave !== undefined) leaving.add(ref);
      if (desired !== undefined && account !== undefined) accounts.set(addressKey(desired.userName), account);
    }
  }
  return { refs, leaving, accounts };
}
