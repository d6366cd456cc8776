/** A disk of a few megabytes, to be filled. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A tmpfs, mounted until `unmount`. @throws where the process is not root */
export function smallDisk(megabytes: number): { readonly folder: string; readonly unmount: () => void } {
  if (process.getuid?.() !== 0)
    throw new Error('a small disk is a tmpfs, which needs root: run this test as root');
  const folder = mkdtempSync(join(tmpdir(), 'small-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'none', folder]);
  return {
    folder,
    unmount() {
      execFileSync('umount', ['-l', folder]);
      rmdirSync(folder);
    },
  };
}
