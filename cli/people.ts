/** Finding the leavers that an operator names: by sourceId, address or ref. */
import type { StoredTombstone } from '../ledger/leavers.ts';
import { SyncError } from '../model/errors.ts';
import { addressKey } from '../model/person.ts';
import type { Sync } from '../worker/compose.ts';

/** A leaver with the sync that it is one of. */
export interface FoundLeaver {
  readonly sync: Sync;
  readonly tombstone: StoredTombstone;
}

/** Everyone of these syncs who is about to be taken away. */
export async function allLeavers(syncs: readonly Sync[]): Promise<FoundLeaver[]> {
  const found = await Promise.all(
    syncs.map(async (sync) => (await sync.ledger.leavers.all()).map((tombstone) => ({ sync, tombstone }))),
  );
  return found.flat().sort((a, b) => a.tombstone.due - b.tombstone.due);
}

/**
 * Those among `leavers` who are named.
 * @throws SyncError `config` where a name is nobody's.
 */
export function namedLeavers(leavers: readonly FoundLeaver[], names: readonly string[]): FoundLeaver[] {
  const unknown = names.filter((name) => !leavers.some((leaver) => isNamed(leaver, name)));
  if (unknown.length > 0) {
    throw new SyncError(
      'config',
      'cli.person',
      `nobody who is about to be taken away is called ${unknown.join(', ')}; \`omni-sync leavers\` lists them`,
    );
  }
  return leavers.filter((leaver) => names.some((name) => isNamed(leaver, name)));
}

function isNamed({ tombstone: { sourceId, ref, userName } }: FoundLeaver, name: string): boolean {
  return name === sourceId || name === ref || addressKey(name) === addressKey(userName);
}
