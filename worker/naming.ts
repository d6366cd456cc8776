/** Of people that an act may be about, those whom an operator names: by sourceId, address or ref. */
import type { Ledger } from '../ledger/ledger.ts';
import type { ActDone, Named } from '../ops/operations.ts';
import { refsOf } from './people.ts';

interface Nameable {
  readonly sourceId: string;
  readonly ref: string;
}

/** Those of `candidates` who are named, and the names that are nobody's. */
export async function choose<Person extends Nameable>(
  candidates: readonly Person[],
  people: Named,
  ledger: Ledger,
): Promise<{ readonly chosen: readonly Person[]; readonly unknown: readonly string[] }> {
  if (people === 'all') return { chosen: candidates, unknown: [] };
  const refs = await refsOf(ledger, people);
  const isNamed = ({ ref }: Nameable, name: string) => refs.get(name)?.has(ref) === true;
  return {
    chosen: candidates.filter((candidate) => people.some((name) => isNamed(candidate, name))),
    unknown: people.filter((name) => !candidates.some((candidate) => isNamed(candidate, name))),
  };
}

/** The order in which people are listed where nothing else says one: Redis has none. */
export function bySourceId(a: Pick<Nameable, 'sourceId'>, b: Pick<Nameable, 'sourceId'>): number {
  return a.sourceId < b.sourceId ? -1 : 1;
}

/** The act as it was done for these. */
export function doneFor(chosen: readonly Nameable[]): ActDone {
  return { done: chosen.map(({ sourceId }) => sourceId), unknown: [] };
}
