/** What Redis's state allows the service to do: everything, only to drain what waits, or nothing. */
import { SyncError } from '../model/errors.ts';

type Allowed = 'all' | 'drain' | 'nothing';

export interface Gate {
  mayApply(): boolean;
  mayReconcile(): boolean;
  /** Calls `listener` when reconciles must write no more; returns how to end that. */
  onShut(listener: () => void): () => void;
  /** Whether that is a change. */
  set(allowed: Allowed): boolean;
}

/** What is not begun while the gate is shut. */
export function shut(): SyncError {
  return new SyncError(
    'transient',
    'redis.closed',
    'nothing new is written to Redis now: it would drop what it is given, or is nearly full; the log says which',
  );
}

/** A gate that stands open until it is set. */
export function createGate(): Gate {
  let allowed: Allowed = 'all';
  const listeners = new Set<() => void>();
  return {
    mayApply: () => allowed !== 'nothing',
    mayReconcile: () => allowed === 'all',
    onShut(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    set(now) {
      const changed = now !== allowed;
      allowed = now;
      if (changed && now !== 'all') for (const listener of listeners) listener();
      return changed;
    },
  };
}
