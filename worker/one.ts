/** The person at hand who is looked up by hand: what is known of them, and the two ways in which it ends. */
import { hastenPerson } from '../jobs/add.ts';
import type { Queues } from '../jobs/queues.ts';
import type { StoredLink } from '../ledger/links.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import type { Outcome, PersonOutcome } from '../model/asked.ts';
import type { Rules } from '../plan/decide.ts';
import type { Fingerprint } from '../plan/fingerprint.ts';
import type { Identified, IdentifyDeps } from './identify.ts';
import type { LeaverRules } from './leavers.ts';

export interface PersonDeps extends IdentifyDeps {
  readonly mapping: IdentifyDeps['mapping'] & {
    protects(person: { readonly sourceId: string; readonly userName: string }): boolean;
  };
  readonly queues: Queues;
  readonly fingerprint: Fingerprint;
  readonly rules: Rules;
  readonly leaverRules: LeaverRules;
  readonly stamp?: string;
}

/** The person at hand. */
export interface One {
  readonly who: Identified;
  readonly link: StoredLink | undefined;
  /** What waits for them already. */
  readonly row: OutboxRow | undefined;
  readonly ask: { readonly id: string; readonly full: boolean };
  /** Under which it may be written; see ledger/writer-script.ts. */
  readonly token: string;
  readonly deps: PersonDeps;
  readonly signal: AbortSignal | undefined;
}

/** Lifts the quarantine, and gives them the very next slot. */
export async function hasten(one: One, kind: string): Promise<PersonOutcome> {
  const { ledger, queues } = one.deps;
  await ledger.quarantine.release([one.who.ref]);
  await hastenPerson(queues.apply, { ref: one.who.ref, kind });
  return tell(one, 'queued', `What is to be done (${kind}) is the next to be sent.`);
}

/** What came of it. */
export function tell({ who }: Pick<One, 'who'>, outcome: Outcome, says: string): PersonOutcome {
  return { outcome, sourceId: who.sourceId, ref: who.ref, says };
}
