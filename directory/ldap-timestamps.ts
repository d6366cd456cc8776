/**
 * Who changed in an LDAP directory, by modifyTimestamp. A deletion leaves no entry, and one that left the filter is not
 * found by it: both are known from a full read alone.
 */
import { AndFilter, type Filter, GreaterThanEqualsFilter, type SearchEntry } from 'ldapts';
import { incomplete } from './complete.ts';
import { type Changes, type DirectoryPage, type NextWatermark, WATERMARK_REFUSED } from './directory.ts';
import { askingFor, basisOf, readEntries, type Source } from './ldap-source.ts';
import { entryRecord, firstValue } from './ldap-values.ts';

const STAMP = 'modifyTimestamp';

/**
 * How far before its watermark a read of changes begins. The stamps have whole seconds, come from the clock of whichever
 * server took the change, and reach the server that is read some time after: 10 minutes are more than all that together
 * where clocks are kept at all, and who is read again is in step, at no cost.
 */
const OVERLAP_MS = 10 * 60_000;

const DAY_MS = 24 * 3600_000;

/** Changes by modifyTimestamp. */
export function timestampChanges(source: Source): Changes {
  return {
    basis: `${STAMP} ${basisOf(source)}`,
    all: (signal) => everybody(source, signal),
    since: (watermark, signal) => changedSince(source, watermark, signal),
  };
}

async function* everybody(
  source: Source,
  signal: AbortSignal | undefined,
): AsyncGenerator<DirectoryPage, NextWatermark> {
  const startedAt = Date.now();
  const search = askingFor(source.search, STAMP);
  const stamps = new Stamps();
  for await (const entries of readEntries(source, search, signal)) {
    stamps.note(entries);
    yield entries.map((entry) => entryRecord(entry, source.rules));
  }
  const { newest, missing } = stamps;
  if (missing > 0) return { problem: problemOf(source, `${missing} entries show no ${STAMP}`) };
  if (newest !== undefined && !(await isFound(source, newest, signal))) {
    return { problem: problemOf(source, `the server finds nobody by ${STAMP}`) };
  }
  return { watermark: timeText(nextWatermark({ startedAt, newest, before: undefined })) };
}

async function* changedSince(
  source: Source,
  watermark: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<DirectoryPage, string> {
  const before = timeOf(watermark);
  if (before === undefined) throw refused(source);
  const startedAt = Date.now();
  const filter = since(source.search.filter, before - OVERLAP_MS);
  const stamps = new Stamps();
  for await (const entries of readEntries(source, { ...askingFor(source.search, STAMP), filter }, signal)) {
    stamps.note(entries);
    yield entries.map((entry) => entryRecord(entry, source.rules));
  }
  return timeText(nextWatermark({ startedAt, newest: stamps.newest, before }));
}

/**
 * The next watermark, in milliseconds since 1970: the newest stamp that was seen, as the directory's clock may be behind
 * ours; never after the read began by our clock, as a stamp that came while it ran says nothing of those read before;
 * and never more than a day behind it, so that a quiet directory does not read its last great change for ever.
 */
export function nextWatermark({
  startedAt,
  newest = 0,
  before = 0,
}: {
  readonly startedAt: number;
  readonly newest: number | undefined;
  readonly before: number | undefined;
}): number {
  return Math.min(startedAt, Math.max(newest, before, startedAt - DAY_MS));
}

function since(filter: Filter, from: number): Filter {
  const changed = new GreaterThanEqualsFilter({ attribute: STAMP, value: timeText(from) });
  return new AndFilter({ filters: [filter, changed] });
}

/** Whether the server lets this account search by the stamp at all: one that does not would seem to have no changes. */
async function isFound(source: Source, newest: number, signal: AbortSignal | undefined): Promise<boolean> {
  const search = { ...source.search, filter: since(source.search.filter, newest) };
  for await (const entries of readEntries(source, search, signal)) if (entries.length > 0) return true;
  return false;
}

class Stamps {
  newest: number | undefined;
  /** Entries without one. */
  missing = 0;

  note(entries: readonly SearchEntry[]): void {
    for (const entry of entries) {
      const stamp = stampOf(entry);
      if (stamp === undefined) this.missing += 1;
      else this.newest = Math.max(this.newest ?? stamp, stamp);
    }
  }
}

function stampOf(entry: SearchEntry): number | undefined {
  return timeOf(firstValue(entry, STAMP)?.toString('latin1') ?? '');
}

/** A time as LDAP writes it (RFC 4517, 3.3.13), to the second; Active Directory takes it with a fraction alone. */
function timeText(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace(/[-:T]/g, '')}.0Z`;
}

function timeOf(text: string): number | undefined {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:[.,]\d+)?Z$/.exec(text) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time;
}

function problemOf({ login }: Source, what: string): string {
  return `Reading changes of ${login.reading}: ${what}, so everybody is read each time. Let this account read and search ${STAMP}, or set changes to none.`;
}

function refused({ login }: Source) {
  return incomplete({
    code: WATERMARK_REFUSED,
    reading: login.reading,
    problem: 'the watermark is no time',
    mend: 'Everybody is read instead.',
  });
}
