/** Whether somebody else may have the address that one person is to get: a single look-up never takes it from them. */
import type { PersonOutcome } from '../model/asked.ts';
import { addressKey } from '../model/person.ts';
import { idOf, lookUp } from './look-up.ts';
import type { One } from './one.ts';
import type { Verdict } from './survey-state.ts';

export type Claim = Pick<PersonOutcome, 'outcome' | 'says'>;

/**
 * What stands against giving `verdict`'s address to its person. An account of another person of this sync with it is
 * moved, waited for or a twin's: a whole read knows which. Another record in scope with it is a twin. Of accounts that
 * nobody here is linked to, Omni tells at the write.
 */
export async function claimOf(verdict: Verdict, one: One): Promise<Claim | undefined> {
  const { deps, signal } = one;
  const { sourceId, desired } = verdict;
  const key = addressKey(desired.userName);
  for await (const page of deps.ledger.links.stored()) {
    const holder = page.find(({ link }) => link.sourceId !== sourceId && addressKey(link.userName) === key);
    if (holder !== undefined) return heldBy((await deps.ledger.begin()).ref(holder.link.sourceId));
  }
  const records = await lookUp({ userName: desired.userName }, deps, signal);
  const twin = records.some(({ mapped }) => mapped.verdict === 'inScope' && idOf(mapped) !== sourceId);
  return twin ? TWIN : undefined;
}

function heldBy(ref: string): Claim {
  const says = `The account of another person (${ref}) has this userName. Whether that one is gone, renamed or a twin, the next complete read tells, and does what follows from it.`;
  return { outcome: 'waits', says };
}

const TWIN: Claim = {
  outcome: 'rejected',
  says: 'Another record has the same userName: give each person one of their own in the directory.',
};
