/** Appends to files, of which the last one stays open: opening it costs as much as the write. */
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface Appender {
  /**
   * Appends to a file of `bytes`, and gives its new size. A part that was written is taken back where the rest cannot be.
   * `durable`: it is on disk before this ends, and so is a new file's name.
   */
  append(
    file: { readonly path: string; readonly bytes: number },
    text: string,
    durable: boolean,
  ): Promise<number>;
  /** Closes the file that is open. */
  close(): Promise<void>;
}

/** An appender with no file open. */
export function createAppender(): Appender {
  let current: { readonly path: string; readonly handle: FileHandle } | undefined;

  async function close(): Promise<void> {
    const { handle } = current ?? {};
    current = undefined;
    await handle?.close();
  }

  return {
    close,
    async append({ path, bytes }, text, durable) {
      if (current?.path !== path) {
        await close();
        current = { path, handle: await open(path, 'a', 0o600) };
      }
      const { handle } = current;
      try {
        await handle.appendFile(text);
        if (durable) await handle.datasync();
      } catch (error) {
        await handle.truncate(bytes).catch(() => undefined);
        await close();
        throw error;
      }
      if (bytes === 0) await syncFolder(dirname(path));
      return bytes + Buffer.byteLength(text);
    },
  };
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}
