/**
 * What a failure to write the audit record means: without `required` it is said and counted, and the gap is recorded as
 * soon as writing works again; with it nothing that must be recorded first is done.
 */
import type { AuditEntry } from '../model/audit.ts';
import { SyncError } from '../model/errors.ts';
import type { Trail } from './audit-trail.ts';

export interface FailureRules {
  /** What is durable is done only once it is recorded. */
  readonly required: boolean;
  /** Told of the first failure in a row, and of one a minute after it. */
  readonly onTrouble: (error: Error) => void;
}

const TELL_MS = 60_000;

/** The trail, with failures dealt with. @throws SyncError `transient`, `audit.failed`, for what is durable, where it is required. */
export function tolerant(trail: Trail, { required, onTrouble }: FailureRules): Trail {
  let lost = 0;
  let told = Number.NEGATIVE_INFINITY;
  async function noteGap(): Promise<void> {
    if (lost === 0) return;
    const count = lost;
    const note = `${count} records could not be written before this one`;
    await trail.append({ at: new Date().toISOString(), did: 'gap', note }, true);
    lost -= count;
    told = Number.NEGATIVE_INFINITY;
  }
  function failed(cause: unknown): SyncError {
    lost++;
    const error = failure(cause);
    if (Date.now() - told > TELL_MS) {
      told = Date.now();
      onTrouble(error);
    }
    return error;
  }
  return {
    async append(entry: AuditEntry, durable: boolean) {
      try {
        await noteGap();
        await trail.append(entry, durable);
      } catch (cause) {
        const error = failed(cause);
        if (required && durable) throw error;
      }
    },
    close: trail.close,
  };
}

function failure(cause: unknown): SyncError {
  const [reason, mend] = isHeld(cause) ? HELD : [reasonOf(cause), FOLDER];
  const message = `the audit record cannot be written (${reason}): ${mend}`;
  return new SyncError('transient', 'audit.failed', message, { cause });
}

const FOLDER = 'give its folder space, its owner and its rights back';
const HELD = [
  'another process of this data folder has it in hand and stands still',
  'let that process go on, or end it',
] as const;

/** The lock was waited for in vain. */
function isHeld(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === 'TimeoutError';
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
