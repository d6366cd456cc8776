/** What a full resync costs, told before it is asked for: counted from the links, with nothing asked of Omni. */
import type { Ledger } from '../ledger/ledger.ts';
import { readProvenances } from '../ops/provenance.ts';
import type { Policy } from '../plan/decide.ts';
import { type Rate, secondsFor } from '../plan/forecast.ts';

/** A run's own changes come on top. */
export interface FullCost {
  /** people: one read each. pages: Omni's list, and one read of each who differs there. nothing: nobody is ever written. */
  readonly reads: 'people' | 'pages' | 'nothing';
  readonly calls: number;
  /** That they take at least. */
  readonly seconds: number;
}

interface Source {
  readonly ledger: Pick<Ledger, 'links' | 'unmatched'>;
  readonly mapping: { readonly attributeNames: readonly string[] };
  readonly rules: { readonly policy: Policy };
  readonly rate: Rate;
}

/** Accounts that one request lists. */
const PAGE = 100;

/** As `openDistrust` and the workers will spend it, for who is linked now. */
export async function fullCost({ ledger, mapping, rules, rate }: Source): Promise<FullCost> {
  if (rules.policy === 'create') return { reads: 'nothing', calls: 0, seconds: 0 };
  const { counts } = await readProvenances(ledger);
  const written = counts.created + counts.adopted;
  const reads = mapping.attributeNames.length > 0 ? 'people' : 'pages';
  const listed = written + counts.protected + counts.foreign;
  const calls = reads === 'people' ? written : Math.max(1, Math.ceil(listed / PAGE));
  return { reads, calls, seconds: secondsFor(calls, rate) };
}
