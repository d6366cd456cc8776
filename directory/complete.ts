/**
 * What makes a read incomplete, said in one way by every source. Messages name places (a file, a line, a
 * column, a page), never what stands there: a record's values are personal data.
 */
import { SyncError } from '../model/errors.ts';

/** Why a read did not reach its end. Lines, columns and pages count from 1. */
export interface ReadFault {
  /** Stable, for grep and alerts: `file.…`, `ldap.…`, `directory.…`. */
  readonly code: string;
  /** The directory's name. */
  readonly reading: string;
  /** What was expected and what came. */
  readonly problem: string;
  /** What the operator does about it, as a sentence. */
  readonly mend: string;
  readonly line?: number;
  readonly column?: number;
  readonly page?: number;
  /** Only errors of the system or the network: a parser's own error quotes what it read. */
  readonly cause?: unknown;
}

/** The error for a read that did not reach its end; the caller throws it. */
export function incomplete(fault: ReadFault): SyncError {
  const places = [fault.reading];
  if (fault.page !== undefined) places.push(`page ${fault.page}`);
  if (fault.line !== undefined) places.push(`line ${fault.line}`);
  if (fault.column !== undefined) places.push(`column ${fault.column}`);
  const message = `Reading ${places.join(', ')}: ${fault.problem}. ${fault.mend}`;
  return new SyncError('incomplete', fault.code, message, { cause: fault.cause });
}

/** @throws SyncError `incomplete` (`directory.aborted`) once `signal` is aborted. */
export function throwIfAborted(reading: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(reading);
}

/** The error of a read that was called off. */
export function aborted(reading: string): SyncError {
  return incomplete({
    code: 'directory.aborted',
    reading,
    problem: 'the read was called off before its end',
    mend: 'The next run reads again.',
  });
}
