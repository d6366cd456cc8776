/** What is to be done for one person in scope: the same for a survey of everybody and for one who is looked up by hand. */
import type { HeldAnswer, HeldClaim } from '../model/held.ts';
import type { Link } from '../model/link.ts';
import { addressKey, type DesiredUser } from '../model/person.ts';
import { adoptClaim, decide, type KnownAccount, type Rules } from '../plan/decide.ts';
import { isRepair } from '../plan/drift.ts';
import type { Mapped } from '../plan/map.ts';
import { type Definition, holdable } from '../plan/usable.ts';
import type { Verdict } from './survey-state.ts';

/** Somebody in scope, not decided on yet. */
export type Open = Omit<Verdict, 'decision' | 'link' | 'account'>;

export type InScope = Extract<Mapped, { verdict: 'inScope' }>;

interface OpenOptions {
  readonly fingerprint: (desired: DesiredUser, isProtected: boolean) => Buffer;
  /** Omni's attribute definitions, where they are known. */
  readonly definitions: readonly Definition[] | undefined;
}

/** A record in scope, with what Omni can hold of it alone. */
export function openOf(mapped: InScope, { fingerprint, definitions }: OpenOptions): Open {
  const desired = holdable(mapped.desired, definitions);
  return {
    sourceId: desired.sourceId,
    desired,
    protected: mapped.protected,
    fingerprint: fingerprint(desired, mapped.protected),
  };
}

interface JudgeOptions {
  readonly rules: Rules;
  /** Omni's accounts by address key, as far as they are known. */
  readonly accounts: { get(addressKey: string): KnownAccount | undefined };
  /** What an operator has said of a claim to an account. */
  readonly answer: (claim: HeldClaim) => HeldAnswer | undefined;
  /** Whose account is to be looked at, whatever their link says. */
  readonly distrusts?: (link: Link, desired: DesiredUser) => boolean;
  /** The drifted fields that this person's link has forgotten, so that they are set back. */
  readonly handed?: (sourceId: string) => readonly string[] | undefined;
}

/** The decision for a person with this link. */
export function judge(person: Open, link: Link | undefined, options: JudgeOptions): Verdict {
  const { rules, accounts, distrusts, handed } = options;
  const account = link === undefined ? accounts.get(addressKey(person.desired.userName)) : undefined;
  const answer = account && options.answer(adoptClaim(person.desired, account));
  const decision = decide({ ...person, link, account, answer }, rules);
  const forgotten = handed?.(person.sourceId);
  const repair = forgotten !== undefined && isRepair(decision, forgotten);
  const readBack = link !== undefined && distrusts?.(link, person.desired) === true;
  return { ...person, link, account, decision, ...(repair && { repair }), ...(readBack && { readBack }) };
}
