/**
 * The folder of the private Redis: made, owned, and named shortly enough for unix sockets. Never opens
 * another user's folder, and never lets another user into ours.
 */
import { chmod, mkdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { shortFolder } from './short-folder.ts';

/** Where the private Redis lives. */
export interface Home {
  /** `<dataDir>/redis`, without symbolic links. */
  readonly folder: string;
  /** The same folder under a name that leaves room for a socket's name; for this process alone, until `close`. */
  readonly short: string;
  close(): Promise<void>;
}

/** The longest name within the folder: `/lock/` and a claim of folder-lock.ts. */
const NAME_BYTES = 32;

/**
 * Makes `<dataDir>/redis` with mode 0700; its sockets lie in it, so that commands always meet.
 * @throws SyncError `config` where the folder is another user's or too deep; errors of the file system as they come.
 */
export async function openHome(dataDir: string): Promise<Home> {
  const wanted = join(dataDir, 'redis');
  await mkdir(join(wanted, 'lock'), { recursive: true, mode: 0o700 });
  const folder = await realpath(wanted);
  await claimFolder(folder);
  const short = await shortFolder(folder, NAME_BYTES);
  if (short === undefined) throw folderError(folder, 'its path is too long for a socket', undefined);
  return { folder, short: short.path, close: short.close };
}

/** Root too is refused in another's folder: files that root leaves there would lock the owner out later. */
async function claimFolder(folder: string): Promise<void> {
  const { uid } = await stat(folder);
  const self = process.getuid?.() ?? uid;
  if (uid !== self) {
    throw new SyncError(
      'config',
      'redis.owner',
      `Opening the private Redis: ${folder} belongs to user ${uid}, and this command runs as user ${self}. ` +
        `Run it as user ${uid}, or set redis.url or another dataDir.`,
    );
  }
  await chmod(folder, 0o700);
}

/** The error for a folder that the file system refuses: `what` failed. */
export function folderError(folder: string, what: string, cause: unknown): SyncError {
  return new SyncError(
    'config',
    'redis.folder',
    `Opening the private Redis in ${folder}: ${what}. Expected a folder on a local disk that this user may ` +
      'write and that takes unix sockets. Mend its owner, rights or space, set another dataDir, or set redis.url.',
    { cause },
  );
}
