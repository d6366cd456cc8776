/**
 * An operator's acts, each in the audit record: that it was asked for, by whom, before it is done; and what came of it.
 * The one place where acts are recorded, whoever calls them. People are named by sourceId; an address that was typed is not kept.
 */
import type { Audit } from '../ledger/audit.ts';
import type { AuditFacts } from '../model/audit.ts';
import { isSyncError } from '../model/errors.ts';
import type { ActDone, Actor, Named, Operations } from '../ops/operations.ts';

/** `operations`, whose acts are recorded. Looking at something is no act. */
export function auditedOperations(operations: Operations, audit: Audit): Operations {
  const act = <Result>(done: Act, carryOut: () => Promise<Result>) => recorded(audit, done, carryOut);
  return {
    ...operations,
    approve: (people, digest, who) =>
      act({ did: 'approve', who, note: `digest ${digest}, ${namedAs(people)}` }, () =>
        operations.approve(people, digest, who),
      ),
    keep: (people, who) =>
      act({ did: 'keep', who, note: namedAs(people) }, () => operations.keep(people, who)),
    unkeep: (people, who) =>
      act({ did: 'unkeep', who, note: namedAs(people) }, () => operations.unkeep(people, who)),
    retry: (people, who) =>
      act({ did: 'retry', who, note: namedAs(people) }, () => operations.retry(people, who)),
    pause: (who) => act({ did: 'pause', who }, () => operations.pause(who)),
    resume: (who) => act({ did: 'resume', who }, () => operations.resume(who)),
    resync: (about, who) =>
      act({ did: 'resync', who, note: resyncedAs(about) }, () => operations.resync(about, who)),
  };
}

interface Act {
  readonly did: string;
  readonly who: Actor;
  readonly note?: string;
}

/** Does `carryOut` between two records of it: the first says no outcome. @throws what it throws, and where the record is required. */
export async function recorded<Result>(
  audit: Audit,
  act: Act,
  carryOut: () => Promise<Result>,
): Promise<Result> {
  const asked = audit.stamp(act);
  await audit.keep(asked, true);
  const end = async (outcome: string, result?: unknown) => {
    const entry = { ...asked, at: new Date().toISOString(), outcome, ...resultOf(result, act) };
    // What is done is done: that its end cannot be recorded must not look as if it had failed.
    await audit.keep(entry, false);
    await audit.show(entry);
  };
  const result = await carryOut().catch(async (error: unknown) => {
    await end(isSyncError(error) ? error.code : 'unknown');
    throw error;
  });
  await end('done', result);
  return result;
}

/** Records what has no two ends, such as a start. @throws where the record is required and cannot be written. */
export async function noted(audit: Audit, act: Act): Promise<void> {
  const entry = audit.stamp(act);
  await audit.keep(entry, true);
  await audit.show(entry);
}

function namedAs(people: Named): string {
  return people === 'all' ? 'all' : `${people.length} named`;
}

function resyncedAs({ full, user }: { readonly full: boolean; readonly user?: string }): string {
  return `${user === undefined ? 'everyone' : 'one person'}${full ? ', full' : ''}`;
}

/** Whom an act was done for; of a resync, its ask. */
function resultOf(result: unknown, { note }: Act): Pick<AuditFacts, 'people' | 'note'> {
  if (typeof result === 'string') return { note: `${note}, ask ${result}` };
  const isDone = typeof result === 'object' && result !== null && 'done' in result;
  return isDone ? { people: (result as ActDone).done } : {};
}
