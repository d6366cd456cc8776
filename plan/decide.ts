/**
 * The one decision: what, if anything, is to be done in Omni for one person. Pure; reconcile, apply and `omni-sync
 * plan` all ask it, so that what is shown is what is done.
 *
 * | directory says | link | Omni account known | decision |
 * |---|---|---|---|
 * | in scope, active | none | none | create |
 * | in scope, active | none | same userName | adopt, with what differs (as `adopt` allows) |
 * | in scope, active | none | same userName, inactive | withheld: Omni's side took it away, an operator decides |
 * | in scope, active | yes, all fields confirmed | - | none |
 * | in scope, active | yes, a field differs | - | update, or rename where userName does (policy upsert, full) |
 * | in scope, active | yes, protected | - | none |
 * | in scope, active | yes, we deactivated it | - | return, with what is not confirmed: all fields after a removal (policy upsert, full) |
 * | in scope, active | none, but the account is linked to a sourceId that is gone | - | relink (worker/survey-addresses.ts finds them) |
 * | out of scope, inactive, or gone from a complete read | none | - | none: nobody is created |
 * | out of scope, inactive, or gone from a complete read | yes | - | leaver (plan/leavers.ts; acted on under policy full) |
 * | rejected, or not seen in an incomplete read | any | - | none |
 * | - | none | present, unmatched | none: foreign, never touched |
 * | two records, one id or userName | any | any | rejected both, by name (worker/survey.ts finds them) |
 */
import type { HeldAnswer, HeldClaim } from '../model/held.ts';
import type { Link } from '../model/link.ts';
import type { AttributeValue, DesiredUser } from '../model/person.ts';
import { confirmDigest } from './fingerprint.ts';

export type Policy = 'create' | 'upsert' | 'full';
export type AdoptRule = 'always' | 'never' | 'ask';

export interface Rules {
  readonly policy: Policy;
  readonly adopt: AdoptRule;
}

/** What is to be written of a person's fields: only what differs. */
export interface Fields {
  readonly userName?: string;
  readonly displayName?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

/** An account that is in Omni under the same userName, as a list item or a look-up shows it. */
export interface KnownAccount {
  readonly id: string;
  readonly displayName: string;
  readonly active: boolean;
}

export interface Situation {
  readonly desired: DesiredUser;
  readonly protected: boolean;
  readonly link?: Link | undefined;
  readonly account?: KnownAccount | undefined;
  /** What an operator has said of this person's taking this account. */
  readonly answer?: HeldAnswer | undefined;
}

export type Decision =
  | { readonly kind: 'none' }
  | { readonly kind: 'create' }
  | { readonly kind: 'adopt'; readonly account: KnownAccount; readonly fields: Fields }
  | { readonly kind: 'update' | 'rename' | 'return'; readonly fields: Fields }
  | { readonly kind: 'relink'; readonly from: Link; readonly fields: Fields }
  | { readonly kind: 'withhold'; readonly code: string; readonly reason: string };

/** What is to be done for a person who is in scope and active. */
export function decide(situation: Situation, rules: Rules): Decision {
  const { link, account } = situation;
  if (link !== undefined) return decideLinked(situation, link, rules);
  if (account !== undefined) return decideAccount(situation, account, rules);
  return { kind: 'create' };
}

function decideLinked(situation: Situation, link: Link, rules: Rules): Decision {
  if (rules.policy === 'create' || situation.protected) return { kind: 'none' };
  const fields = differing(situation.desired, link.confirmed);
  if (link.state === 'deactivated') return { kind: 'return', fields: fields ?? {} };
  if (fields === undefined) return { kind: 'none' };
  return { kind: fields.userName === undefined ? 'update' : 'rename', fields };
}

function decideAccount(situation: Situation, account: KnownAccount, rules: Rules): Decision {
  const forbidden = forbids(situation.answer, rules);
  if (forbidden !== undefined && (account.active || rules.adopt === 'never')) {
    return { kind: 'withhold', ...forbidden };
  }
  if (!account.active) {
    return {
      kind: 'withhold',
      code: 'omni.inactive',
      reason: `Omni's account ${account.id} has this userName and is inactive there; it was not deactivated by this sync, so it is not reactivated: activate it in Omni, then retry`,
    };
  }
  if (rules.policy === 'create' || situation.protected) return { kind: 'adopt', account, fields: {} };
  return {
    kind: 'adopt',
    account,
    fields: differing(situation.desired, confirmedOfAccount(account, situation.desired)) ?? {},
  };
}

/** Why this account may not be adopted; nothing where it may. */
function forbids(answer: HeldAnswer | undefined, { adopt }: Rules) {
  if (answer === 'kept') return KEPT;
  return adopt === 'ask' && answer === 'approved' ? undefined : ADOPTION[adopt];
}

/** What an operator is asked about a person and the account under their address. */
export function adoptClaim({ sourceId, userName }: DesiredUser, { id }: KnownAccount): HeldClaim {
  return { sourceId, what: 'adopt', omniId: id, userName };
}

/** An operator has said that the account stays as it is. */
export const KEPT = {
  code: 'held.kept',
  reason: 'an operator keeps this account as it is; `omni-sync keep --undo` takes that back',
};

const ASKS = 'omni.adopt-ask';
const HELD_CODES: readonly string[] = [ASKS, KEPT.code, 'held.relink'];

/** Whether it waits for an operator's word, or follows one: nothing failed then, and nothing is tried. */
export function isHeldDecision(decision: Decision): boolean {
  return decision.kind === 'withhold' && HELD_CODES.includes(decision.code);
}

const ADOPTION: Record<AdoptRule, { code: string; reason: string } | undefined> = {
  always: undefined,
  never: {
    code: 'omni.exists',
    reason:
      'an account with this userName is in Omni already, and `adopt: never` leaves it alone: set adopt to always, or remove the record or the account',
  },
  ask: {
    code: ASKS,
    reason:
      'an account with this userName is in Omni already, and `adopt: ask` wants it approved first: `omni-sync leavers` lists it, `omni-sync approve` takes it',
  },
};

/** Whether somebody was set aside by an `adopt` that is not the one of now. */
export function isLifted(code: string, { adopt }: Rules): boolean {
  const forbidding = Object.values(ADOPTION).map((rule) => rule?.code);
  return forbidding.includes(code) && ADOPTION[adopt]?.code !== code;
}

/** What an account is known to hold already: its userName, and its displayName where it is the same. */
export function confirmedOfAccount(account: KnownAccount, desired: DesiredUser): Set<string> {
  const confirmed = new Set([confirmDigest('userName', desired.userName)]);
  if (account.displayName === desired.displayName)
    confirmed.add(confirmDigest('displayName', desired.displayName));
  return confirmed;
}

/** The decision for someone whose account is linked to a sourceId that is gone: the link moves, with what differs. */
export function decideRelink(situation: Situation, from: Link, rules: Rules): Decision {
  const moved = decideLinked(situation, from, rules);
  if (moved.kind === 'return') return { kind: 'relink', from, fields: moved.fields };
  const fields = moved.kind === 'update' || moved.kind === 'rename' ? moved.fields : {};
  return { kind: 'relink', from, fields };
}

/** The fields of `desired` that are not confirmed; nothing where all are. */
function differing(desired: DesiredUser, confirmed: ReadonlySet<string>): Fields | undefined {
  const attributes = Object.entries(desired.attributes).filter(
    ([name, value]) => !confirmed.has(confirmDigest(`@${name}`, value)),
  );
  const fields: Fields = {
    ...(confirmed.has(confirmDigest('userName', desired.userName)) ? {} : { userName: desired.userName }),
    ...(confirmed.has(confirmDigest('displayName', desired.displayName))
      ? {}
      : { displayName: desired.displayName }),
    ...(attributes.length === 0 ? {} : { attributes: Object.fromEntries(attributes) }),
  };
  return Object.keys(fields).length === 0 ? undefined : fields;
}

/** The names of the fields, as plans and audit records show them: `displayName`, `@region`. */
export function fieldNames(fields: Fields): string[] {
  const { attributes = {}, ...own } = fields;
  return [...Object.keys(own), ...Object.keys(attributes).map((name) => `@${name}`)];
}
