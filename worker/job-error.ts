/** What a job is failed with. BullMQ keeps the text and the stack and the queue page shows them, so neither may hold a person's data. */
import { isSyncError } from '../model/errors.ts';
import type { Events } from './events.ts';

/** The error itself where it is one of ours, which name nobody. Of anything else its class alone: the log is told where. */
export function keptError(error: unknown, { trouble }: Pick<Events, 'trouble'>): Error {
  if (isSyncError(error)) return error;
  const bug = error instanceof Error ? error : new Error(String(error));
  trouble(bug);
  return new Error(`a fault of omni-sync itself (${bug.constructor.name}); the log has its stack`);
}
