/**
 * Omni, with every write in the audit record: that it is about to be sent, durably, before it is; and what came of it.
 * A death between the two leaves a send without an answer, never a write without a record.
 */
import type { Audit } from '../ledger/audit.ts';
import type { OutboxRow } from '../ledger/outbox.ts';
import type { AuditFacts } from '../model/audit.ts';
import { isSyncError } from '../model/errors.ts';
import type { Omni } from '../omni/client.ts';
import { fieldNames } from '../plan/decide.ts';

export interface About {
  readonly audit: Audit;
  /** The desired state that is being applied. */
  readonly row: () => OutboxRow | undefined;
}

type Sent = Pick<AuditFacts, 'call' | 'omniId' | 'fields' | 'values'>;
type Written = Parameters<Omni['updateUser']>[1];

/** `omni`, whose writes are recorded. @throws what Omni throws; SyncError `audit.failed` before anything is sent. */
export function auditedOmni(omni: Omni, about: About): Omni {
  const write = <Answer>(sent: Sent, send: () => Promise<Answer>) => recorded(sent, send, about);
  const what = (fields: Written) => ({
    fields: fieldNames(fields),
    ...(about.audit.values && { values: { ...fields } }),
  });
  return {
    ...omni,
    createUser: ({ sourceId, ...desired }, signal) =>
      write({ call: 'create', ...what(desired) }, () => omni.createUser({ sourceId, ...desired }, signal)),
    updateUser: (omniId, fields, signal) =>
      write({ call: 'update', omniId, ...what(fields) }, () => omni.updateUser(omniId, fields, signal)),
    setActive: (omniId, active, signal) =>
      write({ call: active ? 'activate' : 'deactivate', omniId, ...what({ active }) }, () =>
        omni.setActive(omniId, active, signal),
      ),
    deleteUser: (omniId, signal) => write({ call: 'delete', omniId }, () => omni.deleteUser(omniId, signal)),
    withBudget: (budget) => auditedOmni(omni.withBudget(budget), about),
  };
}

async function recorded<Answer>(sent: Sent, send: () => Promise<Answer>, about: About): Promise<Answer> {
  const { audit } = about;
  const record = audit.stamp({ did: 'send', ...whose(about.row()), ...sent });
  await audit.keep(record, true);
  const answer = (outcome: string, omniId = record.omniId) => {
    const facts = { ...whose(about.row()), did: 'answer', ...(omniId && { omniId }), outcome };
    return audit.keep({ ...audit.stamp(facts), ...(record.id && { id: record.id }) }, false);
  };
  try {
    const given = await send();
    await answer('done', accountOf(given));
    return given;
  } catch (error) {
    await answer(isSyncError(error) ? error.code : 'unknown');
    throw error;
  }
}

function whose(row: OutboxRow | undefined): Omit<AuditFacts, 'did'> {
  if (row === undefined) return {};
  const { sourceId, run, leave, relink, cause = 'wanted' } = row;
  return { run, sourceId, cause: leave?.cause ?? (relink === undefined ? cause : 'relink') };
}

function accountOf(answer: unknown): string | undefined {
  const isAccount = typeof answer === 'object' && answer !== null && 'id' in answer;
  return isAccount && typeof answer.id === 'string' ? answer.id : undefined;
}
