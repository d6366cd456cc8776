/** Waiting for an operator, or the system, to end the process. */

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function terminated(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const end = () => {
      if (asked) process.exit(1);
      asked = true;
      resolve();
    };
    process.on('SIGINT', end);
    process.on('SIGTERM', end);
  });
}
