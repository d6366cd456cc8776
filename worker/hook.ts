/** The hand-over before a removal: a command, or an https URL that is posted to. Its failure keeps the person. */
import { execFile } from 'node:child_process';
import type { Http } from '../http/http.ts';
import { SyncError } from '../model/errors.ts';

/** Exactly one of the two is there. */
export interface HookTarget {
  readonly command?: readonly [string, ...string[]];
  readonly url?: string;
}

interface Leaver {
  readonly sourceId: string;
  readonly omniId: string;
  readonly cause: string;
}

/** How long a hand-over may take, in milliseconds. */
const LONGEST_MS = 120_000;

/** Makes the hook: the person's ids go as JSON, to the command on its standard input, to the URL as the body. */
export function removalHook({ command, url }: HookTarget, send: Http): (leaver: Leaver) => Promise<void> {
  return async (leaver) => {
    if (command !== undefined) await runCommand(command, leaver);
    if (url !== undefined) await post(url, leaver, send);
  };
}

function runCommand([program, ...args]: readonly [string, ...string[]], leaver: Leaver): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { timeout: LONGEST_MS, maxBuffer: 1024 * 1024 }, (error) => {
      if (error === null) resolve();
      else
        reject(refused(`the command leavers.before ended with ${error.code ?? error.signal ?? 'an error'}`));
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(JSON.stringify(leaver));
  });
}

async function post(url: string, leaver: Leaver, send: Http): Promise<void> {
  const answer = await send({ method: 'POST', url, body: leaver }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : 'no answer';
    throw refused(`the URL leavers.before was not reached (${reason})`);
  });
  if (answer.status >= 300) throw refused(`the URL leavers.before answered ${answer.status}`);
}

/** Names nobody: an id may be an address, and what tells of the setback names the person by their ref. */
function refused(why: string): SyncError {
  return new SyncError(
    'unsafe',
    'leaver.before',
    `the person is not taken away: ${why}; mend it, then retry`,
  );
}
