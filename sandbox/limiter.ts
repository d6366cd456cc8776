/** The sliding window of requests that each key may make; knows neither HTTP nor what a request is about. */

interface WindowRules {
  readonly requestsPerMinute: number;
  readonly windowMs: number;
  readonly countRefused: boolean;
}

/** Zero where the request is let through, else the milliseconds until one would be. */
export type Limiter = (key: string, now: number, rules: WindowRules) => number;

/** A limiter of its own memory; `now` is of a clock that never goes back. */
export function createLimiter(): Limiter {
  const taken = new Map<string, number[]>();
  return (key, now, rules) => {
    const recent = (taken.get(key) ?? []).filter((at) => at > now - rules.windowMs);
    taken.set(key, recent);
    const blocker = recent[recent.length - rules.requestsPerMinute];
    if (blocker === undefined || rules.countRefused) recent.push(now);
    return blocker === undefined ? 0 : blocker + rules.windowMs - now;
  };
}

/** The largest number of `times` (any order, one clock) in any half-open window of `windowMs`. */
export function busiestWindow(times: readonly number[], windowMs: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  let first = 0;
  let most = 0;
  sorted.forEach((at, last) => {
    while ((sorted[first] ?? at) <= at - windowMs) first += 1;
    most = Math.max(most, last - first + 1);
  });
  return most;
}
