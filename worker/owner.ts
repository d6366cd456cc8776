/** Whose account it is: another sync's is foreign, and one that another person of this sync is linked to is taken. */
import type { Ledger } from '../ledger/ledger.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import { SyncError } from '../model/errors.ts';

/**
 * Claims an account for this sync and makes sure that nobody else of it has it.
 * @throws SyncError `conflict` for a foreign or taken account; `transient` where its holder is about to give up the userName.
 */
export async function claimUnowned(row: OutboxRow, omniId: string, ledger: Ledger): Promise<void> {
  const { foreign, held } = await ledger.register.claim([omniId]);
  if (foreign.has(omniId)) throw foreignAccount(omniId);
  if (held.has(omniId)) await assertUnlinked(row, omniId, ledger);
}

/** The same look without the claim: an account that may not be adopted is not taken from another sync either. */
export async function assertUnowned(row: OutboxRow, omniId: string, ledger: Ledger): Promise<void> {
  const holder = await ledger.register.holder(omniId);
  if (holder === 'another') throw foreignAccount(omniId);
  if (holder === 'us') await assertUnlinked(row, omniId, ledger);
}

async function assertUnlinked(row: OutboxRow, omniId: string, ledger: Ledger): Promise<void> {
  const id = omniId.toLowerCase();
  for await (const page of ledger.links.stored()) {
    const holder = page.find(({ link }) => link.omniId === id && link.sourceId !== row.sourceId)?.link;
    if (holder === undefined) continue;
    const { ref } = await ledger.begin();
    const holderRef = ref(holder.sourceId);
    const waits = (await ledger.outbox.get(holderRef)) !== undefined;
    throw waits ? busyAccount(omniId) : takenAccount(omniId, holderRef);
  }
}

function foreignAccount(omniId: string): SyncError {
  return new SyncError(
    'conflict',
    'omni.foreign',
    `account ${omniId} belongs to another sync of this Omni instance: give each person to one sync alone`,
  );
}

function busyAccount(omniId: string): SyncError {
  return new SyncError(
    'transient',
    'omni.address-busy',
    `account ${omniId} is still being changed for another person`,
  );
}

/** The holder by their ref: their id may be an address. */
function takenAccount(omniId: string, holderRef: string): SyncError {
  return new SyncError(
    'conflict',
    'omni.taken',
    `account ${omniId} has this userName and is linked to the person ${holderRef}: two people cannot share an account`,
  );
}
