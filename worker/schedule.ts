/** The clock of a sync: node-cron, its time zone, and one claim for each slot, however many replicas tick. */
import cron, { type ScheduledTask } from 'node-cron';
import type { Slot } from '../ledger/ledger.ts';

export interface ScheduleOptions {
  /** Five or six fields. */
  readonly expression: string;
  readonly timezone: string;
  /** Asks for what is due at this slot. */
  readonly onTick: (slot: Slot) => Promise<void>;
  /** The clock of the host was set back. */
  readonly onSetBack?: () => Promise<void>;
  readonly onTrouble: (error: Error) => void;
}

export interface Schedule {
  next(): Date | undefined;
  stop(): Promise<void>;
}

/** How often the host's clock is looked at, and by how much it must have jumped meanwhile, in milliseconds. */
const LOOK_MS = 1_000;
const JUMP_MS = 1_000;

/**
 * Starts ticking. Of the slots that pass while the process stands still the newest is made up for; of those that the
 * host's clock is set forward over, one.
 */
export function schedule(options: ScheduleOptions): Schedule {
  const { expression, timezone, onTick, onSetBack, onTrouble } = options;
  let acted = 0;
  const tick = async ({ date }: { date: Date }) => {
    acted = Math.floor(date.getTime() / 1000) * 1000;
    await onTick({ at: acted, next: next()?.getTime() ?? acted }).catch(onTrouble);
  };
  const task = cron.schedule(expression, tick, {
    timezone,
    noOverlap: true,
    missedExecutionTolerance: Number.POSITIVE_INFINITY,
    suppressMissedWarning: true,
    logger: quiet(onTrouble),
  });
  const next = () => task.getNextRun() ?? undefined;
  const watch = watchClock(next, ({ isBack, passed }) => {
    if (passed !== undefined && passed.getTime() > acted) void tick({ date: passed });
    if (isBack) {
      acted = 0;
      void onSetBack?.().catch(onTrouble);
    }
    // It sleeps until the next slot by the clock as it was: after a step back of an hour, an hour too long.
    void task.stop();
    void task.start();
  });
  return {
    next,
    stop: async () => {
      clearInterval(watch);
      await task.destroy();
    },
  };
}

interface Jump {
  readonly isBack: boolean;
  /** The first slot that the clock was set forward over. */
  readonly passed: Date | undefined;
}

/** Calls `onJump` once the clock of the host was set. */
function watchClock(next: () => Date | undefined, onJump: (jump: Jump) => void): NodeJS.Timeout {
  const offset = () => Date.now() - performance.now();
  let last = { offset: offset(), slot: next() };
  return setInterval(() => {
    const { offset: before, slot } = last;
    last = { offset: offset(), slot: next() };
    const jump = last.offset - before;
    if (Math.abs(jump) < JUMP_MS) return;
    onJump({
      isBack: jump < 0,
      passed: slot !== undefined && slot.getTime() <= Date.now() ? slot : undefined,
    });
  }, LOOK_MS).unref();
}

/** Several clocks as one. */
export function together(clocks: readonly Schedule[]): Schedule {
  return {
    next: () => earliest(clocks.map((clock) => clock.next())),
    stop: async () => void (await Promise.all(clocks.map((clock) => clock.stop()))),
  };
}

/** The next time of a sync's schedules, which are not running here. */
export function nextRun({ expression, full, timezone }: Schedules): Date | undefined {
  const expressions = full === undefined ? [expression] : [expression, full];
  return earliest(expressions.map((each) => nextOf(each, timezone)));
}

/** When a sync reads its directory. */
export interface Schedules {
  readonly expression: string;
  /** When everybody is read, where `expression` asks for changes alone. */
  readonly full: string | undefined;
  readonly timezone: string;
}

function nextOf(expression: string, timezone: string): Date | undefined {
  const task: ScheduledTask = cron.createTask(expression, () => undefined, { timezone });
  const [next] = task.getNextRuns(1);
  void task.destroy();
  return next;
}

/** The first of those times that there are. */
function earliest(times: readonly (Date | undefined)[]): Date | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.sort((a, b) => a.getTime() - b.getTime())[0];
}

function quiet(onTrouble: (error: Error) => void) {
  const report = (message: string | Error) =>
    onTrouble(message instanceof Error ? message : new Error(message));
  return { info: () => undefined, debug: () => undefined, warn: report, error: report };
}
