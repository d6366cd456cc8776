/**
 * The people whom somebody asked for, one after the other: beside a reconcile that may be running, never behind it. It may
 * be killed anywhere: an ask stays until it was answered.
 */
import type { PersonAsk } from '../ledger/asks.ts';
import type { Hand } from '../ledger/lease.ts';
import type { PersonOutcome } from '../model/asked.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import type { Events } from './events.ts';
import { identify } from './identify.ts';
import type { PersonDeps } from './one.ts';
import { carryOne } from './one-person.ts';

export interface ResyncDeps extends PersonDeps {
  readonly events: Events;
  /** How the lease names this process. */
  readonly holder: string;
}

interface Try {
  readonly signal: AbortSignal;
  /** No further try follows: who asked is told that it failed. */
  readonly last: boolean;
}

/** Looks at a person so often, where reconciles keep beginning meanwhile. */
const LOOKS = 5;

/**
 * Answers every ask for a person that stands. Whoever is asked for twice is looked at once.
 * @throws SyncError `transient` while another process does it; whatever broke it off.
 */
export async function resyncPeople(deps: ResyncDeps, attempt: Try): Promise<void> {
  const { ledger } = deps;
  const hand = await ledger.hand(deps.holder);
  if (hand === undefined)
    throw new SyncError('transient', 'resync.busy', 'another process looks people up for this sync');
  try {
    for (const asks of byPerson(await ledger.asks.people())) await answer(asks, { deps, hand, attempt });
  } finally {
    await hand.release();
  }
}

function byPerson(asks: readonly PersonAsk[]): [PersonAsk, ...PersonAsk[]][] {
  const groups = new Map<string, [PersonAsk, ...PersonAsk[]]>();
  for (const ask of asks) {
    const group = groups.get(ask.person);
    if (group === undefined) groups.set(ask.person, [ask]);
    else group.push(ask);
  }
  return [...groups.values()];
}

interface Under {
  readonly deps: ResyncDeps;
  readonly hand: Hand;
  readonly attempt: Try;
}

async function answer(asks: [PersonAsk, ...PersonAsk[]], under: Under): Promise<void> {
  const { ledger, events } = under.deps;
  const ids = asks.map(({ id }) => id);
  await ledger.asks.begin(asks);
  try {
    const outcome = await look({ ...asks[0], full: asks.some(({ full }) => full) }, under);
    events.looked({ ask: asks[0].id, outcome: outcome.outcome, ...(outcome.ref && { ref: outcome.ref }) });
    await ledger.asks.close(ids, outcome);
  } catch (error) {
    if (under.attempt.last) await ledger.asks.close(ids, BROKEN);
    throw error;
  }
}

const BROKEN: PersonOutcome = {
  outcome: 'unread',
  says: 'Looking them up broke off again and again; the log says why.',
};

async function look(ask: PersonAsk, { deps, hand, attempt }: Under): Promise<PersonOutcome> {
  const signal = AbortSignal.any([attempt.signal, hand.lost]);
  for (let looks = 1; ; looks++) {
    const token = await hand.writeToken();
    const who = await identify(ask.person, deps, signal);
    if (who === undefined) return NOBODY;
    if (!('sourceId' in who))
      return { outcome: 'unread', says: `The directory could not be read: ${who.unread}` };
    try {
      return await carryOne(who, { ask, token, deps, signal });
    } catch (error) {
      // A reconcile has begun: it may have read newer than this look.
      if (!isSyncError(error, 'unsafe') || hand.lost.aborted || looks === LOOKS) throw error;
    }
  }
}

const NOBODY: PersonOutcome = {
  outcome: 'unknown',
  says: 'Nobody is called so, neither in the directory nor by this sync.',
};
