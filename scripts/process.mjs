/** Running a program of the system from the scripts: quiet where it works, its words at hand where it does not. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Debian keeps daemons; not on an ordinary user's PATH. */
const DAEMONS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Runs it to its end. `output` is what it wrote on both streams. */
export function captured(program, args, options = {}) {
  const run = spawnSync(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  return { status: run.status, output: `${run.stdout ?? ''}${run.stderr ?? ''}${run.error?.message ?? ''}` };
}

/** Whether a program can be run by this name. */
export function isThere(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...DAEMONS];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}
