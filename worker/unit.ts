/** One sync as the service runs it: what each role starts, in their order, how a loop is begun anew, and how it ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sync } from './compose.ts';
import type { Gate } from './gate.ts';
import type { Loop, Running } from './job-loop.ts';
import { ask, type Role, startApplying, startReconciling, startSchedule } from './sync.ts';
import { startVerifying, startVerifySchedule } from './verifying.ts';

export interface Unit {
  readonly sync: Sync;
  /** Resolves once all of it runs, or it was stopped before. */
  readonly settled: Promise<void>;
  /** The loops that run here, with the role that each belongs to. */
  loops(): readonly RoleLoop[];
  /** Roles whose loops are still to begin. */
  starting(): readonly Role[];
  /** Finishes or hands back what is under way, and lets go of the sync. */
  stop(): Promise<void>;
}

export interface RoleLoop {
  readonly role: Role;
  readonly queue: 'apply' | 'reconcile' | 'verify';
  readonly loop: UnitLoop;
}

export interface UnitLoop {
  owedMs(): Promise<number>;
  /** Since it was last begun anew, in milliseconds. */
  curedMs(): number | undefined;
  /** Begins it anew, and lets go of the old one. */
  cure(): void;
}

export interface UnitOptions {
  readonly roles: readonly Role[];
  /** Who asks for the first reconcile. */
  readonly by: 'start' | 'reload';
  readonly gate: Gate;
}

const LOOK_MS = 250;
/** A minute: a directory that is away must not keep what is known from Omni. */
const FIRST_LOOKS = 240;

/** Starts a sync's roles. What waits from before goes out once the directory has been looked at again: it may be out of date. */
export function startUnit(sync: Sync, { roles, by, gate }: UnitOptions): Unit {
  const stopping = new AbortController();
  const loops: RoleLoop[] = [];
  const started: Running[] = [];
  const keep = (role: Role, queue: RoleLoop['queue'], open: () => Loop) => {
    const loop = curable(open, sync, stopping.signal);
    loops.push({ role, queue, loop });
    started.push(loop);
  };
  const begin = async () => {
    if (roles.includes('scheduler')) {
      started.push(startSchedule(sync));
      keep('scheduler', 'reconcile', () => startReconciling(sync, gate));
      if (sync.verifySchedule !== undefined) {
        started.push(startVerifySchedule(sync, sync.verifySchedule));
        keep('scheduler', 'verify', () => startVerifying(sync, gate));
      }
      await firstReconcile(sync, by, stopping.signal);
    }
    if (roles.includes('worker') && !stopping.signal.aborted)
      keep('worker', 'apply', () => startApplying(sync, gate));
  };
  const settled = begin();
  return {
    sync,
    settled,
    loops: () => loops,
    starting: () =>
      stopping.signal.aborted ? [] : roles.filter((role) => !loops.some((one) => one.role === role)),
    async stop() {
      stopping.abort();
      await settled;
      await Promise.all(started.map((one) => one.stop()));
      await sync.close();
    },
  };
}

function curable(start: () => Loop, { events }: Sync, stopping: AbortSignal): UnitLoop & Running {
  let loop = start();
  let curedAt: number | undefined;
  return {
    owedMs: () => loop.owedMs(),
    curedMs: () => (curedAt === undefined ? undefined : performance.now() - curedAt),
    cure() {
      if (stopping.aborted) return;
      void loop.abandon().catch(events.trouble);
      loop = start();
      curedAt = performance.now();
    },
    stop: () => loop.stop(),
  };
}

/** Asks for a reconcile and waits for it, but not for ever, and not past a stop. Never rejects: the schedule asks again. */
async function firstReconcile(sync: Sync, by: string, signal: AbortSignal): Promise<void> {
  try {
    const id = await ask(sync, { by, full: false });
    for (let looks = 0; looks < FIRST_LOOKS && !signal.aborted; looks++) {
      if ((await sync.ledger.asks.state(id)).kind !== 'waiting') return;
      await sleep(LOOK_MS, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) sync.events.trouble(error instanceof Error ? error : new Error(String(error)));
  }
}
