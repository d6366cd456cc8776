/** Waiting for an operator, or the system, to end the process. */

/** How long a stop may take in all, in milliseconds: with a Redis that is away nothing could be finished anyway. */
const LONGEST_STOP_MS = 25_000;

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once, and so does the limit, with `hardStatus`. */
export function terminated(hardStatus = 0): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const end = () => {
      if (asked) process.exit(1);
      asked = true;
      // What was in flight is handed out again: every step may run twice.
      setTimeout(() => process.exit(hardStatus), LONGEST_STOP_MS).unref();
      resolve();
    };
    process.on('SIGINT', end);
    process.on('SIGTERM', end);
  });
}
