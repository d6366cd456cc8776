/** What is to be done for one person in scope: the same for a survey of everybody and for one who is looked up by hand. */
import type { HeldAnswer, HeldClaim } from '../model/held.ts';
import type { Link } from '../model/link.ts';
import { addressKey, type DesiredUser } from '../model/person.ts';
import { adoptClaim, decide, type KnownAccount, type Rules } from '../plan/decide.ts';
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
}

/** The decision for a person with this link. */
export function judge(person: Open, link: Link | undefined, options: JudgeOptions): Verdict {
  const account = link === undefined ? options.accounts.get(addressKey(person.desired.userName)) : undefined;
  const answer = account && options.answer(adoptClaim(person.desired, account));
  return { ...person, link, account, decision: decide({ ...person, link, account, answer }, options.rules) };
}
