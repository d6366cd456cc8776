/** How the service is, as its watch last saw it: what probes, metrics and alarms are told. Holds no name of a person. */

/** Why a sync, or all of them, is not ready. Stable: alerts and the runbook name them. */
export type Unready =
  | 'redis.down'
  | 'redis.policy'
  | 'redis.full'
  | 'halted'
  | 'silence.scheduler'
  | 'silence.worker'
  | 'silence.read'
  | 'silence.apply';

export interface Health {
  /** This process makes progress, or cannot for no fault of its own; else only another start helps. */
  readonly alive: boolean;
  /** Nothing is in `reasons`. */
  readonly ready: boolean;
  /** Without `sync`: of all of them. */
  readonly reasons: readonly { readonly code: Unready; readonly sync?: string }[];
  readonly redis: {
    readonly up: boolean;
    /** Used of maxmemory; 0 without a limit. */
    readonly memoryRatio: number;
  };
  readonly syncs: readonly SyncHealth[];
}

export interface SyncHealth {
  readonly name: string;
  /** Milliseconds since the last sign of life of each role that works on it, over all processes. */
  readonly roleAgesMs: Readonly<Record<string, number>>;
  /** When all was last in step, in milliseconds since 1970 by Redis's clock. */
  readonly convergedAt: number | undefined;
}
