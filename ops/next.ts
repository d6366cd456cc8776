/** What happens next to a person, and when, in words for an operator: told from facts, it asks and promises nothing of its own. */
import type { Tombstone } from '../model/leaver.ts';
import { leaverText, UNWANTED } from './leaver-text.ts';

/** What is known of a person that says what happens next. */
export interface NextFacts {
  readonly record: 'one' | 'none' | 'several' | 'unread';
  readonly verdict?: 'inScope' | 'outOfScope' | 'inactive' | 'rejected' | undefined;
  /** Why the record was rejected. */
  readonly reason?: string | undefined;
  readonly account: 'active' | 'deactivated' | 'none';
  /** What would be done for the record as it is now. */
  readonly change?: { readonly kind: string; readonly reason?: string } | undefined;
  /** What waits in the outbox. */
  readonly waits?: 'change' | 'removal' | 'nothing' | undefined;
  readonly setAside?:
    | {
        readonly until: 'time' | 'reconcile' | 'change';
        readonly message: string;
        readonly notBefore: number;
      }
    | undefined;
  readonly tombstone?: Tombstone | undefined;
  readonly policy: string;
  readonly isProtected: boolean;
  readonly kept: boolean;
  /** Why nothing is sent at all now. */
  readonly stopped?: 'paused' | 'halted' | 'unreachable' | undefined;
  /** Jobs before theirs in the queue. */
  readonly ahead?: number | undefined;
  readonly nextRun?: Date | undefined;
  /** Fields that somebody changed in Omni, and that nobody sets back. */
  readonly reported?: readonly string[] | undefined;
}

/** One or two sentences. */
export function nextOf(facts: NextFacts): string {
  const { setAside, waits } = facts;
  if (setAside?.until === 'change') {
    return `Nothing is tried before the record changes, or you say \`omni-sync retry\` or \`resync --user\`: ${setAside.message}`;
  }
  if (setAside?.until === 'reconcile')
    return `It has failed again and again, and is tried afresh by the next run${whenOf(facts)}: ${setAside.message}`;
  if (waits !== undefined && waits !== 'nothing') return waitingText(facts);
  return standingText(facts);
}

function waitingText(facts: NextFacts): string {
  const { waits, ahead, setAside, stopped } = facts;
  const what = waits === 'removal' ? 'The account is taken away' : 'The waiting change is sent';
  if (stopped !== undefined) return `${what} ${STOPPED[stopped]}.`;
  if (setAside !== undefined) {
    const again = new Date(setAside.notBefore).toISOString();
    return `${what} by another try, not before ${again}: ${setAside.message}`;
  }
  if (ahead === undefined) return `${what} as soon as a worker takes it.`;
  return ahead === 0 ? `${what} with the next free request.` : `${what} after ${ahead} others.`;
}

const STOPPED = {
  paused: 'once somebody says `omni-sync resume`: the sync is paused',
  halted: 'once an API key is accepted: Omni refuses every one now',
  unreachable: 'once Omni answers again',
} as const;

function standingText(facts: NextFacts): string {
  const { record, verdict, change, tombstone, reason } = facts;
  if (record === 'unread') return `The directory could not be asked; the next run reads it${whenOf(facts)}.`;
  if (record === 'several')
    return 'Nothing: several records have this id, and none is followed. Give each person one of their own in the directory.';
  if (verdict === 'rejected') return `Nothing, before the record is mended in the directory: ${reason}`;
  if (verdict === 'inScope') {
    if (change === undefined || change.kind === 'none') return inStepText(facts);
    if (change.kind === 'withhold') return `Nothing: ${change.reason}`;
    return `The next run finds the change (${change.kind}) and sends it${whenOf(facts)}.`;
  }
  if (tombstone !== undefined) return leaverText(tombstone);
  return unwantedText(facts);
}

function inStepText({ reported = [] }: NextFacts): string {
  if (reported.length === 0) return 'Nothing: all is in step.';
  return `Nothing: the directory has changed nothing. Somebody changed ${reported.join(', ')} in Omni, which is reported alone (\`drift\`); \`resync --user --full\` sets back all but \`active\`.`;
}

function unwantedText(facts: NextFacts): string {
  const { record, account, policy, isProtected, kept, verdict } = facts;
  const why = record === 'none' ? 'gone from the directory' : UNWANTED[verdict ?? 'missing'];
  if (account === 'none') return `Nothing: they are ${why}, and have no account by this sync.`;
  if (account === 'deactivated')
    return `Nothing: they are ${why}, and their account was taken away. If they are back, it is reactivated.`;
  if (policy !== 'full') return `Nothing: they are ${why}, and the policy ${policy} takes nobody away.`;
  if (kept) return `Nothing: they are ${why}, and an operator keeps them.`;
  if (isProtected) return `Nothing: they are ${why}, and protected from being taken away.`;
  const when = whenOf(facts);
  return record === 'none'
    ? `The next complete read${when} finds them gone, and the grace begins; one look is no proof.`
    : `The next run${when} begins their grace.`;
}

function whenOf({ nextRun }: NextFacts): string {
  return nextRun === undefined ? '' : ` (${nextRun.toISOString()})`;
}
