/** Plan files on disk: they hold names and addresses, so that nobody but their owner may read them. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { SyncError } from '../model/errors.ts';

/** Writes a plan file whole, for its owner alone. @throws SyncError `config`, `plan.write`. */
export async function savePlan(path: string, text: string): Promise<void> {
  const aside = `${path}.new`;
  try {
    // A file that is there already may be open to others: it is replaced, not written into.
    await rm(aside, { force: true });
    await writeFile(aside, text, { mode: 0o600, flag: 'wx' });
    await rename(aside, path);
  } catch (error) {
    throw fileError('write', 'written', { path, error });
  }
}

/** The text of a plan file. @throws SyncError `config`, `plan.read`. */
export async function loadPlan(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError('read', 'read', { path, error });
  });
}

function fileError(code: string, did: string, { path, error }: { path: string; error: unknown }): SyncError {
  const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return new SyncError('config', `plan.${code}`, `the plan file ${path} cannot be ${did} (${why})`, {
    cause: error,
  });
}
