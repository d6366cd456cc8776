/** Looks at one sync every few seconds: gives signs of life for the loops that make progress, begins wedged ones anew, and judges the sync. */
import { SyncError } from '../model/errors.ts';
import type { Unready } from '../model/health.ts';
import { type SyncStatus, syncStatus } from '../ops/status.ts';
import { judgeLoop, judgeSync } from '../plan/health.ts';
import { nextRun } from './schedule.ts';
import { countSlots } from './slots.ts';
import { standstillChanges } from './standstill.ts';
import type { Role } from './sync.ts';
import type { Unit } from './unit.ts';

/** What one look at a sync found. */
export interface SyncLook {
  readonly name: string;
  readonly unready: readonly Unready[];
  readonly roleAgesMs: Readonly<Record<string, number>>;
  readonly convergedAt: number | undefined;
  readonly status: SyncStatus;
}

export interface SyncWatch {
  /** @throws where Redis does not answer. */
  look(about: { readonly redisUpMs: number }): Promise<SyncLook>;
  /** Whether a loop is wedged that was begun anew just before. */
  hopeless(): boolean;
  /** Withdraws the signs that it gave. */
  stop(): Promise<void>;
}

/** Watches the sync of a unit. */
export function watchSync(unit: Unit): SyncWatch {
  const { sync } = unit;
  const { ledger, schedule, events } = sync;
  const unread = countSlots();
  const unmoved = countSlots();
  let last: SyncStatus | undefined;
  let hopeless = false;

  async function heal(redisUpMs: number): Promise<Role[]> {
    const ill = new Set<Role>();
    for (const { role, queue, loop } of unit.loops()) {
      const verdict = judgeLoop({ owedMs: await loop.owedMs(), redisUpMs, curedMs: loop.curedMs() });
      if (verdict === 'ok') continue;
      ill.add(role);
      if (verdict === 'hopeless') hopeless = true;
      else {
        events.trouble(wedged(role, queue));
        loop.cure();
      }
    }
    return [...new Set([...unit.starting(), ...rolesOf(unit)])].filter((role) => !ill.has(role));
  }

  return {
    hopeless: () => hopeless,
    async stop() {
      await ledger.signs.withdraw(rolesOf(unit));
    },
    async look({ redisUpMs }) {
      await ledger.signs.give(await heal(redisUpMs));
      const unnoted = await ledger.meta.witness();
      if (unnoted !== undefined) events.trouble(new SyncError('config', 'data.note', unnoted));
      const next = nextRun(schedule);
      const status = await syncStatus(sync, next);
      for (const change of standstillChanges(status, last)) events.standstill(change);
      unread.look(hasRead(status, last), next);
      unmoved.look(status.waiting === 0 || hasMoved(status, last), next);
      last = status;
      const roleAgesMs = await ledger.signs.ages();
      const unready = judgeSync({
        ...status,
        roleAgesMs,
        slotsUnread: unread.missed(),
        slotsUnmoved: unmoved.missed(),
        unreadMs: unread.sinceMs(),
        unmovedMs: unmoved.sinceMs(),
      });
      if (unready.length === 0 && status.run?.ended === true && status.waiting === 0)
        await ledger.signs.converged();
      return { name: sync.name, unready, roleAgesMs, convergedAt: await ledger.signs.convergedAt(), status };
    },
  };
}

function rolesOf(unit: Unit): Role[] {
  return [...new Set(unit.loops().map(({ role }) => role))];
}

function wedged(role: Role, queue: string): SyncError {
  const message = `the client of the queue ${queue}, of the role ${role}, is wedged: it is begun anew`;
  return new SyncError('transient', 'queue.wedged', message);
}

/** A read has come to its end since the last look. */
function hasRead({ run }: SyncStatus, last: SyncStatus | undefined): boolean {
  return run?.ended === true && (last === undefined || run.id !== last.run?.id || last.run?.ended !== true);
}

/** Somebody was carried out, or set aside, since the last look. */
function hasMoved({ run, waiting, failed }: SyncStatus, last: SyncStatus | undefined): boolean {
  if (last === undefined || last.run?.id !== run?.id) return last?.waiting !== waiting;
  return last.waiting !== waiting || last.failed !== failed || last.run?.applied !== run?.applied;
}
