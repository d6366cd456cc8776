/** What takes the very next slot: whoever is asked for by hand, and leavers whose time has come, before a backlog of ten thousand. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createBudget } from '../../ledger/budget.ts';
import { handleApplyJob } from '../../worker/apply-job.ts';
import { dispatch } from '../../worker/dispatch.ts';
import { resyncPeople } from '../../worker/resync.ts';
import { crowd } from '../support/people.ts';
import { employ, rigsOfFile } from './living.ts';
import { PATCH, type Rig } from './rig.ts';

const rigWith = rigsOfFile();
const BACKLOG = 10_000;
/** A slot in which a look-up by hand fits, however short of time the process is. */
const REQUESTS_PER_MINUTE = 60;
const signal = new AbortController().signal;

/** Applies what waits, at that rate. */
function working(rig: Rig, begun: string[]) {
  const { redis, ledger, omni, events, worker } = rig;
  const { rules, leaving } = rig.deps();
  const host = new URL(rig.sandbox.url).host;
  const budget = createBudget({
    redis,
    host,
    keys: () => ['omni-sandbox-key'],
    requestsPerMinute: REQUESTS_PER_MINUTE,
  });
  return dispatch({
    worker,
    budget,
    concurrency: 2,
    handle(job, token, spending) {
      begun.push(job.name);
      return handleApplyJob({ job, token, spending }, { ledger, omni, rules, leaving, events, signal });
    },
    onTrouble: (error) => void rig.troubles.push(error),
  });
}

describe('a backlog of ten thousand', () => {
  it('lets whoever is asked for by hand pass within two slots, and leavers before new hires', async () => {
    const rig = await rigWith();
    await employ(rig, 3);
    rig.people.set(crowd(BACKLOG + 3).slice(1));
    await rig.reconcile();
    expect(await rig.ledger.outbox.size()).toBe(BACKLOG + 1);
    const begun: string[] = [];
    const dispatcher = working(rig, begun);
    try {
      const sent = () => rig.sandbox.calls().filter(({ method }) => method !== 'GET');
      const before = sent().length;
      while (sent().length < before + 2) await sleep(5);
      // Two jobs are under way at once: the one that began second may be sent first.
      const first = sent().slice(before, before + 2);
      expect(first.map(({ method, route }) => `${method} ${route}`)).toContain(PATCH);
      expect(begun[0]).toBe('deactivate');
      await rig.ledger.asks.add({ by: 'test', full: false, person: 'p9000@acme.example' });
      await resyncPeople(rig.deps(), { signal, last: false });
      const asked = sent().length;
      const isMeant = ({ userName }: { userName?: string | undefined }) => userName === 'p9000@acme.example';
      while (!sent().some(isMeant)) await sleep(5);
      expect(sent().findIndex(isMeant) - asked).toBeLessThan(2);
      expect(rig.troubles).toEqual([]);
    } finally {
      await dispatcher.stop();
    }
  });
});
