/** Notices that a file was replaced or written to, by looking: no watcher of the system's is told of every kind of mount. */
import { type Stats, statSync } from 'node:fs';

const LOOK_MS = 2_000;

/** A file that was read, and its mark from before: what was written to it since is a change. */
export interface SeenFile {
  readonly path: string;
  readonly mark: string;
}

/** What changes when a file does. */
export function markOf({ mtimeMs, size, ino }: Stats): string {
  return `${mtimeMs} ${size} ${ino}`;
}

/** The mark of a file; '' where there is none. Links are followed. */
export function markAt(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? '' : markOf(stats);
}

/** Calls `onChange` once a changed file has stayed as it is for two seconds, so that none is read half written. Returns how to stop. */
export function watchFile({ path, mark: seen }: SeenFile, onChange: () => void): () => void {
  let known = seen;
  let last = known;
  const timer = setInterval(() => {
    const mark = markAt(path);
    if (mark !== '' && mark !== known && mark === last) {
      known = mark;
      onChange();
    }
    last = mark;
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
