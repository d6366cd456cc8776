/** When a sync's schedule fires next. */
import type { Config } from '../config/schema.ts';
import { nextRun } from '../worker/schedule.ts';

/** The next time that the configuration's schedule of `name` names. */
export function upcoming(config: Config, name: string): Date | undefined {
  const sync = config.syncs.find((candidate) => candidate.name === name);
  return sync === undefined ? undefined : nextRun(sync.schedule, sync.timezone);
}
