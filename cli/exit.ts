/** How the program ends: its statuses, and an error as an operator reads it. Loads nothing else, for every verb begins here. */
import { isSyncError } from '../model/errors.ts';
import { printable } from './print.ts';

export const EXIT = { inStep: 0, notInStep: 1, usage: 2, changes: 3 } as const;

/** Says an error as an operator reads it, and the exit status that it means. */
export function exitWith(error: unknown): number {
  if (isSyncError(error)) {
    process.stderr.write(`omni-sync: ${plain(error.message)}\n`);
    return error.kind === 'config' ? EXIT.usage : EXIT.notInStep;
  }
  const bug = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`omni-sync: a fault of omni-sync itself, please report it:\n${plain(bug)}\n`);
  return EXIT.notInStep;
}

/** Line by line, without what a terminal would obey. */
function plain(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
