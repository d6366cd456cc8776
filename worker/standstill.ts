/** What keeps a sync from sending: told when it begins and when it is over, so that the log says why nothing happens. Pure. */
import type { SyncStatus } from '../ops/status.ts';

const CAUSES = ['paused', 'halted', 'unreachable'] as const;

/** paused: by an operator. halted: every API key is refused. unreachable: Omni does not answer. */
export type Standstill = (typeof CAUSES)[number];

export interface StandstillChange {
  readonly by: Standstill;
  readonly over: boolean;
}

type Standing = Pick<SyncStatus, Standstill>;

/** What has begun or ended since the look before; at the first look whatever stands. */
export function standstillChanges(now: Standing, before: Standing | undefined): StandstillChange[] {
  const changed = CAUSES.filter((by) => now[by] !== (before?.[by] ?? false));
  return changed.map((by) => ({ by, over: !now[by] }));
}
