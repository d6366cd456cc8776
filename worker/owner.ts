/** Whose account it is: another sync's is foreign, and one that another person of this sync is linked to is taken. */
import type { Ledger } from '../ledger/ledger.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import { SyncError } from '../model/errors.ts';

/**
 * Claims an account for this sync and makes sure that nobody else of it has it.
 * @throws SyncError `conflict` for a foreign or taken account; `transient` where its holder is about to give up the userName.
 */
export async function assertUnowned(row: OutboxRow, omniId: string, ledger: Ledger): Promise<void> {
  const { foreign, held } = await ledger.register.claim([omniId]);
  if (foreign.has(omniId)) {
    throw new SyncError(
      'conflict',
      'omni.foreign',
      `account ${omniId} belongs to another sync of this Omni instance: give each person to one sync alone`,
    );
  }
  if (!held.has(omniId)) return;
  for await (const page of ledger.links.stored()) {
    const holder = page.find(({ link }) => link.omniId === omniId && link.sourceId !== row.sourceId)?.link;
    if (holder === undefined) continue;
    const { ref } = await ledger.begin();
    if ((await ledger.outbox.get(ref(holder.sourceId))) !== undefined) {
      throw new SyncError(
        'transient',
        'omni.address-busy',
        `account ${omniId} is still being changed for another person`,
      );
    }
    throw new SyncError(
      'conflict',
      'omni.taken',
      `account ${omniId} has this userName and is linked to directory user ${holder.sourceId}: two people cannot share an account`,
    );
  }
}
