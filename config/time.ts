/** Durations, schedules and time zones as people write them. Lengths of time are milliseconds. */
import { validate } from 'node-cron';
import { z } from 'zod';
import { text } from './fields.ts';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY };
const FORM = 'a duration such as 30s, 1h30m or 7d';

/** The milliseconds of `7d` or `1h30m` (units ms, s, m, h, d, w; each once, the largest first), or undefined. */
function durationOf(written: string): number | undefined {
  const compact = written.trim().toLowerCase();
  if (!/^(\d{1,9}(ms|[smhdw]))+$/.test(compact)) return undefined;
  let total = 0;
  let last = Number.POSITIVE_INFINITY;
  for (const [, count, unit] of compact.matchAll(/(\d+)(ms|[smhdw])/g)) {
    const size = UNITS[unit ?? ''] ?? 0;
    if (size >= last) return undefined;
    last = size;
    total += Number(count) * size;
  }
  return total;
}

/** A duration in milliseconds, from `min` to `max`. */
export function duration(what: string, min: number, max: number) {
  return text(what, FORM).transform((written, context) => {
    const length = durationOf(written);
    if (length !== undefined && length >= min && length <= max) return length;
    const bounds = `from ${shortest(min)} to ${shortest(max)}`;
    context.addIssue(
      length === undefined
        ? `must be ${FORM} (${what}): a number with its unit`
        : `must be ${bounds} (${what})`,
    );
    return z.NEVER;
  });
}

function shortest(length: number): string {
  const unit = Object.keys(UNITS).findLast(
    (name) => length >= (UNITS[name] ?? 0) && length % (UNITS[name] ?? 1) === 0,
  );
  return unit === undefined ? '0s' : `${length / (UNITS[unit] ?? 1)}${unit}`;
}

/** A cron schedule of five fields, or six with seconds first. */
export function cron(what: string) {
  return text(what, 'a text such as "*/15 * * * *"').refine(
    (written) => [5, 6].includes(written.split(/\s+/).length) && validate(written),
    {
      error: `must be a cron schedule of five fields (minute, hour, day, month, weekday), or six with seconds first, such as "*/15 * * * *" (${what})`,
    },
  );
}

/** A name of the IANA time zone database. */
export function timezone(what: string) {
  return text(what, 'a text such as Europe/Berlin').refine(isTimezone, {
    error: `must be a time zone such as Europe/Berlin or UTC (${what})`,
  });
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
