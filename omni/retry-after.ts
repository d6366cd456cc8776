/** How long Omni asks us to wait; never longer than an hour, whatever it says. */

const LONGEST_MS = 3_600_000;

/** The three forms of RFC 9110, section 5.6.7. Date.parse alone takes nearly anything for a date. */
const HTTP_DATES = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]+day, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
];

/**
 * Reads a Retry-After header (RFC 9110, section 10.2.3) into milliseconds from 0 to an hour. A date counts from the
 * answer's own Date header, so that clocks may differ, else from `now`. Undefined where it says nothing usable.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const value = headers['retry-after']?.trim() ?? '';
  if (/^[+-]?\d+(\.\d+)?$/.test(value)) return bounded(Math.ceil(Number(value) * 1000));
  const until = httpDate(value);
  if (until === undefined) return undefined;
  return bounded(until - (httpDate(headers.date ?? '') ?? now));
}

function httpDate(text: string): number | undefined {
  if (!HTTP_DATES.some((form) => form.test(text))) return undefined;
  const time = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(time) ? undefined : time;
}

function bounded(ms: number): number {
  return Math.max(0, Math.min(ms, LONGEST_MS));
}
