/**
 * The token of a server that listens on loopback and was given none: made once, in the data folder, for its owner's eyes. So
 * no user of the host may do more than who may read that folder anyway.
 */
import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';

export interface LocalToken {
  readonly token: string;
  /** Where it stands. */
  readonly file: string;
}

/** Reads it, or makes it. @throws SyncError `config` where the folder takes no file, or the file holds no token. */
export async function localToken(dataDir: string): Promise<LocalToken> {
  const file = join(dataDir, 'server-token');
  try {
    await make(file);
    return { file, token: checked(file, (await readFile(file, 'utf8')).trim()) };
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error;
    const mend = 'mend the owner and rights of its folder, or set server.tokenFile';
    const message = `the token of the HTTP interface, ${file}, cannot be read or made (${error.code}): ${mend}`;
    throw new SyncError('config', 'server.token', message, { cause: error });
  }
}

/** Whole or not at all, and never over one that is there: several processes may start at once. */
async function make(file: string): Promise<void> {
  const own = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(own, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    await link(own, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(own, { force: true });
  }
}

function checked(file: string, token: string): string {
  if (/^[\x21-\x7e]{32,}$/.test(token)) return token;
  throw new SyncError(
    'config',
    'server.token',
    `${file} holds no token of 32 characters or more: remove it, and another is made`,
  );
}
