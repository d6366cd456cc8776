/**
 * One person as looked up by hand: decided on with the code of a reconcile, written beside one that may be running, and
 * put ahead of the queue. What only a whole read can tell is left to one: that somebody is gone, and whose an address
 * is that two may have. Nobody is taken away by it who was not about to be.
 */
import type { PersonOutcome } from '../model/asked.ts';
import { addressKey } from '../model/person.ts';
import { type Decision, isHeldDecision } from '../plan/decide.ts';
import { claimOf } from './address-claim.ts';
import { type HeldBefore, readHeld } from './held.ts';
import type { Identified } from './identify.ts';
import { type InScope, judge, openOf } from './judge.ts';
import type { Found } from './look-up.ts';
import { hasten, type One, tell } from './one.ts';
import { isBack, notWanted } from './one-leaver.ts';
import { rowOf } from './rows.ts';
import type { Verdict } from './survey-state.ts';

/** Decisions that give an account an address which another may have. */
const TAKES_ADDRESS: ReadonlySet<string> = new Set(['create', 'adopt', 'rename', 'return']);

/**
 * Does for the person what their record says now.
 * @throws SyncError `unsafe` where another reconcile has begun meanwhile: look again.
 */
export async function carryOne(
  who: Identified,
  rest: Pick<One, 'ask' | 'token' | 'deps' | 'signal'>,
): Promise<PersonOutcome> {
  const { ledger } = rest.deps;
  const [links, row] = await Promise.all([ledger.links.of([who.sourceId]), ledger.outbox.get(who.ref)]);
  const one: One = { ...rest, who, link: links.get(who.sourceId), row };
  const [first, second] = who.found;
  if (who.unread !== undefined) return tell(one, 'unread', `The directory could not be read: ${who.unread}`);
  if (first === undefined) return absent(one);
  if (second !== undefined) {
    const says =
      'several records have this id, and none is followed: give each person one of their own in the directory';
    return tell(one, 'rejected', says);
  }
  return carryRecord(first, one);
}

async function carryRecord({ mapped }: Found, one: One): Promise<PersonOutcome> {
  if (mapped.verdict === 'rejected') {
    // A rejected record is present.
    await isBack(one);
    return tell(one, 'rejected', `The record cannot become a person: ${mapped.rejection.reason}`);
  }
  if (mapped.verdict !== 'inScope') return notWanted(mapped, one);
  await isBack(one);
  return wanted(mapped, one);
}

/** Absence counts only in a complete read. */
async function absent(one: One): Promise<PersonOutcome> {
  const { link, row } = one;
  if (link === undefined && row === undefined)
    return tell(one, 'unknown', 'The directory does not show them, and they have no account by this sync.');
  if (link?.link.state === 'deactivated' && row === undefined)
    return tell(one, 'inStep', 'The directory does not show them, and their account was taken away.');
  return tell(
    one,
    'waits',
    'The directory does not show them now. One look is no proof that they are gone: the next complete read decides.',
  );
}

async function wanted(mapped: InScope, one: One): Promise<PersonOutcome> {
  const { deps, row, ask } = one;
  const [{ ref }, definitions] = await Promise.all([deps.ledger.begin(), deps.ledger.definitions.known()]);
  const verdict = judgeOne(mapped, one, { held: await readHeld(deps.ledger, ref), definitions });
  if (isHeldDecision(verdict.decision)) return tell(one, 'waits', reasonOf(verdict.decision));
  const { kind } = verdict.decision;
  // Whatever the link says: a field that nobody is about to write may have been changed too.
  const readBack = (ask.full || row?.readBack === true) && mayBeWritten(verdict, one);
  if (kind === 'none' && row === undefined && !readBack)
    return tell(one, 'inStep', 'Omni has them as the directory wants them.');
  const next = rowOf({ ...verdict, readBack }, { id: ask.id, ref: () => one.who.ref, deps });
  // What waits so already is left as it is: a reconcile knew more of it.
  if (row?.version === next.version && (row.readBack === true || !readBack)) return hasten(one, kind);
  const claim = TAKES_ADDRESS.has(kind) ? await claimOf(verdict, one) : undefined;
  if (claim !== undefined) return tell(one, claim.outcome, claim.says);
  await deps.ledger.outbox.put([next], one.token);
  return hasten(one, kind);
}

function reasonOf(decision: Decision): string {
  return decision.kind === 'withhold' ? decision.reason : '';
}

interface Judging {
  readonly held: HeldBefore;
  readonly definitions: Parameters<typeof openOf>[1]['definitions'];
}

function judgeOne(mapped: InScope, { deps, link, row }: One, { held, definitions }: Judging): Verdict {
  const { account, desired } = row ?? {};
  const known = desired && account && { key: addressKey(desired.userName), account };
  const accounts = {
    get: (key: string) => (known?.key === key ? known.account : held.accounts.get(key)),
  };
  return judge(openOf(mapped, { ...deps, definitions }), link?.link, {
    ...deps,
    accounts,
    answer: held.answer,
  });
}

function mayBeWritten(verdict: Verdict, { deps, link }: One): boolean {
  return deps.rules.policy !== 'create' && !verdict.protected && link?.link.state === 'active';
}
