/** Of a fault that comes again and again the log has its beginning and, once a minute, that it goes on: not each attempt. */
import type { Logger } from 'pino';

const QUIET_MS = 60_000;

/** Warns of a fault; of the same within a minute nothing, and then `repeats`: how often it came meanwhile. `now`: milliseconds. */
export function warnSeldom(
  log: Pick<Logger, 'warn'>,
  now = () => performance.now(),
): (facts: object, message: string) => void {
  const told = new Map<string, { readonly at: number; repeats: number }>();
  return (facts, message) => {
    const fault = `${message} ${JSON.stringify(facts)}`;
    const at = now();
    const last = told.get(fault);
    if (last !== undefined && at - last.at < QUIET_MS) {
      last.repeats++;
      return;
    }
    for (const [other, earlier] of told) if (at - earlier.at >= QUIET_MS) told.delete(other);
    told.set(fault, { at, repeats: 0 });
    const repeats = last?.repeats ?? 0;
    log.warn({ ...facts, ...(repeats > 0 && { repeats }) }, message);
  };
}
