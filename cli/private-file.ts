/** Files that hold names and addresses: written whole, and for nobody but their owner to read. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { SyncError } from '../model/errors.ts';

/** What a file is, for messages and codes. */
type Kind = 'plan' | 'links';

/** Writes a file whole. @throws SyncError `config`, `plan.write` or `links.write`; and what `data` throws: an old file stays then. */
export async function savePrivately(
  path: string,
  data: string | AsyncIterable<string>,
  kind: Kind,
): Promise<void> {
  const aside = `${path}.new`;
  try {
    // A file that is there already may be open to others: it is replaced, not written into.
    await rm(aside, { force: true });
    await writeFile(aside, data, { mode: 0o600, flag: 'wx' });
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true }).catch(() => undefined);
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw fileError(kind, 'written', { path, error });
  }
}

/** The text of a plan file. @throws SyncError `config`, `plan.read`. */
export async function loadPlan(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError('plan', 'read', { path, error });
  });
}

/** Says that a file cannot be used, where and why. */
export function fileError(
  kind: Kind,
  did: 'written' | 'read',
  { path, error }: { path: string; error: unknown },
): SyncError {
  const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  const code = `${kind}.${did === 'read' ? 'read' : 'write'}`;
  const mend = did === 'read' ? 'mend its name or rights' : 'mend the owner, rights or space of its folder';
  const what = kind === 'plan' ? 'the plan file' : 'the file of links';
  return new SyncError('config', code, `${what} ${path} cannot be ${did} (${why}): ${mend}`, {
    cause: error,
  });
}
