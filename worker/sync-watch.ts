/** Looks at one sync every few seconds: gives signs of life for the loops that make progress, begins wedged ones anew, and judges the sync. */
import { SyncError } from '../model/errors.ts';
import type { Unready } from '../model/health.ts';
import { type SyncProgress, type SyncStatus, syncProgress } from '../ops/status.ts';
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
  let last: SyncProgress | undefined;
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
      const now = await syncProgress(sync, next);
      const { status, runs } = now;
      for (const change of standstillChanges(status, last?.status)) events.standstill(change);
      unread.look(hasRead(now, last), next);
      unmoved.look(status.waiting === 0 || hasMoved(now, last), next);
      last = now;
      const roleAgesMs = await ledger.signs.ages();
      const unready = judgeSync({
        ...status,
        roleAgesMs,
        slotsUnread: unread.missed(),
        slotsUnmoved: unmoved.missed(),
        unreadMs: unread.sinceMs(),
        unmovedMs: unmoved.sinceMs(),
      });
      const over = runs.find(({ finishedAt }) => finishedAt !== undefined);
      if (unready.length === 0 && over?.ended === true && status.waiting === 0)
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

/** A read has come to its end since the last look, whatever has begun since. */
function hasRead({ runs }: SyncProgress, last: SyncProgress | undefined): boolean {
  const read = runs.find(({ ended }) => ended);
  return read !== undefined && read.id !== last?.runs.find(({ ended }) => ended)?.id;
}

/** Somebody was carried out, or set aside, since the last look. */
function hasMoved({ status, runs }: SyncProgress, last: SyncProgress | undefined): boolean {
  if (status.waiting !== last?.status.waiting || status.failed !== last.status.failed) return true;
  const before = new Map(last.runs.map(({ id, applied }) => [id, applied]));
  return runs.some(({ id, applied }) => applied > (before.get(id) ?? 0));
}
