/** The clock of a sync: node-cron, its time zone, and one claim for each slot, however many replicas tick. */
import cron, { type ScheduledTask } from 'node-cron';

export interface ScheduleOptions {
  /** Five or six fields. */
  readonly expression: string;
  readonly timezone: string;
  /** Asks for what is due at `slot`, the whole second that the tick stands for, in milliseconds. */
  readonly onTick: (slot: number) => Promise<void>;
  readonly onTrouble: (error: Error) => void;
}

export interface Schedule {
  next(): Date | undefined;
  stop(): Promise<void>;
}

/** Starts ticking. */
export function schedule(options: ScheduleOptions): Schedule {
  const { expression, timezone, onTick, onTrouble } = options;
  const tick = async ({ date }: { date: Date }) => {
    await onTick(Math.floor(date.getTime() / 1000) * 1000).catch(onTrouble);
  };
  const task = cron.schedule(expression, tick, { timezone, noOverlap: true, logger: quiet(onTrouble) });
  return {
    next: () => task.getNextRun() ?? undefined,
    stop: async () => void (await task.destroy()),
  };
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
