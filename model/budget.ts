/** The requests a minute that an API key may make, as those who spend them see it. The ledger keeps the clock. */

/** What came of the call that a turn was spent on, as far as the budget must know. */
export type CallVerdict =
  | { readonly kind: 'answered' }
  | { readonly kind: 'throttled'; readonly retryAfterMs?: number }
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'failed' };

/** The right to make one request now with one key. Stale after a moment: make the request at once. */
export interface Turn {
  readonly apiKey: string;
  /** When it was granted, as `performance.now()` of this process says it. */
  readonly grantedAt: number;
  /** Says what came of the request; called once for each turn that was used. */
  settle(verdict: CallVerdict): Promise<void>;
}

/**
 * Waits for the next slot of any key.
 * @throws SyncError `unauthorized` while every key is refused (the target is halted).
 */
export interface Budget {
  turn(signal?: AbortSignal): Promise<Turn>;
}
