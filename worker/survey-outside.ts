/** Those whom a read shows as not wanted: out of scope, inactive, or gone for sure. Whether they leave, the read's end says. */
import type { ChangesPage } from '../directory/directory.ts';
import { addressKey, type DesiredUser } from '../model/person.ts';
import type { KnownAccount, Rules } from '../plan/decide.ts';
import type { Mapped, Mapping } from '../plan/map.ts';
import { type Cause, isClaimed, type State, type Stray, twin, type Unwanted } from './survey-state.ts';

type Outside = Extract<Mapped, { verdict: Cause }>;

interface AboutOutside {
  readonly mapping: Pick<Mapping, 'identify'>;
  readonly rules: Rules;
  /** Omni's accounts by address key, where the ledger is cold. */
  readonly accounts: { get(addressKey: string): KnownAccount | undefined };
  /** Whether a desired state of theirs waits. */
  readonly waiting: (sourceId: string) => boolean;
}

/** Somebody who is there and not wanted; who has a desired state that waits is told of. */
export function turnAway(outside: Outside, state: State, options: AboutOutside): Unwanted[] {
  const { sourceId, verdict } = outside;
  if (isClaimed(state, sourceId)) {
    twin(state, sourceId, 'id');
    return [];
  }
  state.met.set(sourceId, verdict);
  if (outside.protected) state.shielded.add(sourceId);
  noteStray(outside, state, options);
  return options.waiting(sourceId) ? [{ sourceId, cause: verdict }] : [];
}

/** Those of whom the directory says surely that they are gone, where what is left of them tells whom it means. */
export function noteGone({ gone = [] }: ChangesPage, state: State, options: AboutOutside): Unwanted[] {
  const ids = gone.map((left) => options.mapping.identify(left)).filter((sourceId) => sourceId !== undefined);
  const unmet = ids.filter((sourceId) => !isClaimed(state, sourceId));
  for (const sourceId of unmet) state.met.set(sourceId, 'gone');
  return unmet.filter(options.waiting).map((sourceId) => ({ sourceId, cause: 'gone' }));
}

/** A ledger that knows nobody must know of these too: or nobody would ever take their accounts away. */
function noteStray(outside: Outside, state: State, { rules, accounts }: AboutOutside): void {
  const { sourceId, desired } = outside;
  const account = desired && accounts.get(addressKey(desired.userName));
  if (rules.policy !== 'full' || rules.adopt !== 'always' || desired === undefined) return;
  if (account?.active !== true) return;
  state.strays.set(sourceId, { sourceId, desired, protected: outside.protected, account });
}

/** Less those whose address somebody in scope has, or another of them: whose account it is, nobody knows. */
export function strays(state: State): Stray[] {
  const all = [...state.strays.values()];
  const keyOf = ({ desired }: { desired: DesiredUser }) => addressKey(desired.userName);
  const claims = new Map<string, number>();
  for (const key of [...state.late.values(), ...all].map(keyOf)) claims.set(key, (claims.get(key) ?? 0) + 1);
  return all.filter((stray) => claims.get(keyOf(stray)) === 1);
}
