/** What an operator asks of one sync, carried out: the commands and the HTTP interface both come through here. */
import { hastenPerson } from '../jobs/add.ts';
import type { ActDone, FailedView, Named, Operations } from '../ops/operations.ts';
import { runView, type SyncView, syncStatus } from '../ops/status.ts';
import { secondsFor } from '../plan/forecast.ts';
import { askView } from './ask-view.ts';
import { auditedOperations } from './audited-operations.ts';
import { driftList } from './drifted.ts';
import { explain } from './explain.ts';
import { approveHeld, keepPeople, unkeepPeople, viewLeavers } from './keeping.ts';
import { bySourceId, choose, doneFor } from './naming.ts';
import { nextRun } from './schedule.ts';
import { ask, type SyncParts } from './sync.ts';

/** The operations of a sync; every act leaves its audit record. */
export function operationsOf(sync: SyncParts): Operations {
  const { name, queues, budget } = sync;
  const operations: Operations = {
    name,
    status: () => viewOf(sync),
    leavers: () => viewLeavers(name, sync.ledger),
    failed: () => failedOf(sync),
    drift: () => driftList(sync),
    approve: (people, digest) => approveHeld(sync.ledger, people, digest),
    keep: (people) => keepPeople(sync.ledger, people),
    unkeep: (people) => unkeepPeople(sync.ledger, people),
    retry: (people) => retry(sync, people),
    pause: () => queues.apply.pause(),
    async resume() {
      await budget.resume();
      await queues.apply.resume();
    },
    resync: ({ full, user }, actor) =>
      ask(sync, { by: actor, full, ...(user !== undefined && { person: user.trim() }) }),
    ask: (id) => askView(sync, id),
    explain: (person) => explain(person.trim(), sync),
    runs: async (limit) => (await sync.ledger.runs.recent(limit)).map(runView),
  };
  return auditedOperations(operations, sync.ledger.audit);
}

async function viewOf(sync: SyncParts): Promise<SyncView> {
  const status = await syncStatus(sync, nextRun(sync.schedule));
  const { requestsPerMinute, keys } = sync.rate;
  const secondsLeft = status.waiting === 0 ? 0 : secondsFor(status.waiting, sync.rate);
  return { ...status, requestsPerMinute: requestsPerMinute * keys, secondsLeft };
}

async function failedOf({ name, ledger }: SyncParts): Promise<FailedView> {
  const failed = await ledger.quarantine.all();
  return {
    name,
    failed: failed.sort((a, b) => a.at - b.at || bySourceId(a, b)),
    rejected: await ledger.rejections(),
  };
}

async function retry(sync: SyncParts, people: Named): Promise<ActDone> {
  const { ledger, queues } = sync;
  const stuck = (await ledger.quarantine.all()).filter(({ until }) => until !== 'time');
  const { chosen, unknown } = await choose(stuck, people, ledger);
  await ledger.quarantine.release(chosen.map(({ ref }) => ref));
  for (const { ref } of chosen) await hastenPerson(queues.apply, { ref, kind: 'retry' });
  return { ...doneFor(chosen), unknown };
}
