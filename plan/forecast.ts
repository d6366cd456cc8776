/** How long Omni's limits make a number of requests take. Pure. */

/** What one Omni host's keys allow together. */
export interface Rate {
  readonly requestsPerMinute: number;
  readonly keys: number;
}

/** Seconds that `calls` requests take at least, spaced as the budget spaces them. */
export function secondsFor(calls: number, rate: Rate): number {
  return Math.ceil((calls * 60 * 1.01) / (rate.requestsPerMinute * rate.keys));
}

/** A span as people say it: `40 s`, `12 min`, `3 h 20 min`, `2 d 4 h`. */
export function spanText(seconds: number): string {
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
