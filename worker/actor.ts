/** Who runs this program, for the audit record. */
import { userInfo } from 'node:os';
import type { Actor } from '../ops/operations.ts';

/** `cli:` and the user of this process; the number of one who has no name here, as in a container. */
export function cliActor(): Actor {
  return `cli:${userName()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
