/** Holds the links of a file against what is remembered: which are new, which are there, and which contradict it. */
import { batches, type Links } from '../ledger/links.ts';
import type { Register } from '../ledger/register.ts';
import { SyncError } from '../model/errors.ts';
import type { Link } from '../model/link.ts';
import { addressKey } from '../model/person.ts';
import type { CarriedLink } from '../plan/link-file.ts';

export interface Remembered {
  readonly sync: string;
  readonly links: Links;
  readonly register: Pick<Register, 'holder'>;
}

export interface Judged {
  /** Nothing is remembered of these. */
  readonly added: readonly CarriedLink[];
  /** How many are remembered just so. */
  readonly known: number;
}

const ASKED_AT_ONCE = 500;
/** So many conflicts are told. */
const TOLD = 20;

/** @throws SyncError `conflict` `links.conflict`, which names each person: one link of a person, an account and an address is right, and nobody here knows which. */
export async function judgeLinks(rows: readonly CarriedLink[], remembered: Remembered): Promise<Judged> {
  const conflicts = new Map<string, string>();
  const known = new Set<string>();
  const file = indexOf(rows);
  for await (const page of remembered.links.stored())
    for (const { link } of page) compare(link, file, { conflicts, known });
  // Whoever is remembered just so stays so, whatever others are called by now.
  for (const sourceId of known) conflicts.delete(sourceId);
  const added = rows.filter(({ link }) => !known.has(link.sourceId) && !conflicts.has(link.sourceId));
  await findForeign(added, { remembered, conflicts });
  if (conflicts.size > 0) throw refusal(conflicts, remembered.sync);
  return { added, known: known.size };
}

interface FileIndex {
  readonly byId: ReadonlyMap<string, Link>;
  readonly byAccount: ReadonlyMap<string, Link>;
  readonly byAddress: ReadonlyMap<string, Link>;
}

function indexOf(rows: readonly CarriedLink[]): FileIndex {
  const by = (key: (link: Link) => string) => new Map(rows.map(({ link }) => [key(link), link]));
  return {
    byId: by(({ sourceId }) => sourceId),
    byAccount: by(({ omniId }) => omniId),
    byAddress: by(({ userName }) => addressKey(userName)),
  };
}

interface Findings {
  readonly conflicts: Map<string, string>;
  readonly known: Set<string>;
}

function compare(
  link: Link,
  { byId, byAccount, byAddress }: FileIndex,
  { conflicts, known }: Findings,
): void {
  const { sourceId, omniId, userName } = link;
  const same = byId.get(sourceId);
  const account = byAccount.get(omniId);
  const named = byAddress.get(addressKey(userName));
  if (same?.omniId === omniId) known.add(sourceId);
  else if (same !== undefined)
    conflicts.set(sourceId, `is linked to account ${omniId} here, to ${same.omniId} in the file`);
  if (account !== undefined && account.sourceId !== sourceId)
    conflicts.set(account.sourceId, `account ${omniId} is ${sourceId}'s here`);
  else if (named !== undefined && named.sourceId !== sourceId)
    conflicts.set(named.sourceId, `${sourceId} has the same userName here, with account ${omniId}`);
}

async function findForeign(
  rows: readonly CarriedLink[],
  { remembered, conflicts }: { remembered: Remembered; conflicts: Map<string, string> },
): Promise<void> {
  for (const batch of batches(rows, ASKED_AT_ONCE)) {
    const holders = await Promise.all(batch.map(({ link }) => remembered.register.holder(link.omniId)));
    batch.forEach(({ link }, i) => {
      if (holders[i] === 'another')
        conflicts.set(link.sourceId, `account ${link.omniId} is another sync's of this Redis`);
    });
  }
}

function refusal(conflicts: ReadonlyMap<string, string>, sync: string): SyncError {
  const rows = [...conflicts].slice(0, TOLD).map(([sourceId, why]) => `  ${sourceId}: ${why}`);
  if (conflicts.size > TOLD) rows.push(`  and ${conflicts.size - TOLD} more`);
  return new SyncError(
    'conflict',
    'links.conflict',
    `sync ${sync}: the file contradicts what is remembered here, and nothing is written:\n${rows.join('\n')}\n\`omni-sync explain PERSON\` shows what is remembered; take out of the file the lines that are wrong, and count them in its last line`,
  );
}
