/** The hand-over before a removal: a command, or an https URL that is posted to. Its failure keeps the person. */
import { execFile } from 'node:child_process';
import type { Http, HttpRequest } from '../http/http.ts';
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
const LIMITS = { timeout: LONGEST_MS, killSignal: 'SIGKILL', maxBuffer: 1024 * 1024 } as const;

/** Makes the hook: the person's ids go as JSON, to the command on its standard input, to the URL as the body. */
export function removalHook(
  { command, url }: HookTarget,
  send: Http,
): (leaver: Leaver, signal: AbortSignal) => Promise<void> {
  return async (leaver, signal) => {
    if (command !== undefined) await runCommand(command, leaver, signal);
    if (url !== undefined) await post({ method: 'POST', url, body: leaver, signal }, send);
  };
}

function runCommand(
  [program, ...args]: readonly [string, ...string[]],
  leaver: Leaver,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { ...LIMITS, signal }, (error) => {
      if (error === null) resolve();
      else
        reject(refused(`the command leavers.before ended with ${error.code ?? error.signal ?? 'an error'}`));
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(JSON.stringify(leaver));
  });
}

async function post(request: HttpRequest, send: Http): Promise<void> {
  const answer = await send(request).catch((error: unknown) => {
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
