/** The record of every request that reached the sandbox, in order; holds no key and no body. */

export interface Call {
  /** 1 onward; not set back when the log is cleared. */
  readonly seq: number;
  /** Milliseconds since the sandbox started, by a clock that never goes back. */
  readonly at: number;
  /** The same moment by the wall clock, ISO 8601. */
  readonly time: string;
  /** `key-1`…, `personal`, `unknown` or `none`. */
  readonly key: string;
  readonly method: string;
  /** As it came, with its query. */
  readonly path: string;
  /** Normalised: lower case, `{id}` for what varies. */
  readonly route: string;
  /** The status that was sent; 0 where none was; null while the request is in work. */
  status: number | null;
  /** Whether it changed what the sandbox holds (a write that was accepted). */
  committed: boolean;
  /** Whether it took an account away: one that was active, and is inactive or gone after it. */
  removed: boolean;
  /** From the request's head to the end of the answer or the connection; null until then. */
  durationMs: number | null;
  userName?: string | undefined;
  id?: string | undefined;
  /** The kind of the fault that struck it. */
  fault?: string | undefined;
}

export type OpenedCall = Pick<Call, 'key' | 'method' | 'path' | 'route'> & { readonly at: number };

/** The log of one sandbox. */
export class Calls {
  #entries: Call[] = [];
  #last = 0;

  open(call: OpenedCall): Call {
    this.#last += 1;
    const time = new Date().toISOString();
    const nothingYet = { status: null, committed: false, removed: false, durationMs: null };
    const entry = { seq: this.#last, time, ...nothingYet, ...call };
    this.#entries.push(entry);
    return entry;
  }

  /** Those after `since`, copied. */
  list(since = 0): Call[] {
    return this.#entries.filter((call) => call.seq > since).map((call) => ({ ...call }));
  }

  clear(): void {
    this.#entries = [];
  }
}
