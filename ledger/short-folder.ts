/** A folder under a name that leaves room for a unix socket's: sockets lie in it, whatever the length of its path. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** Linux gives the path of a unix socket 107 bytes, macOS 103. */
const SOCKET_PATH_BYTES = 103;

/** A folder's short name, for this process alone, until `close`. */
export interface ShortFolder {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * `folder` where `nameBytes` more fit into a socket's address; else, on Linux, the way to it through this process' own
 * handle, so that processes meet even where each has a temporary folder of its own (systemd's PrivateTmp). Undefined
 * where neither is possible.
 */
export async function shortFolder(folder: string, nameBytes: number): Promise<ShortFolder | undefined> {
  if (Buffer.byteLength(folder) + nameBytes <= SOCKET_PATH_BYTES)
    return { path: folder, close: () => Promise.resolve() };
  if (process.platform !== 'linux') return undefined;
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${handle.fd}`, close: () => handle.close() };
}
