/** Notices that a file was replaced or written to, by looking: no watcher of the system's is told of every kind of mount. */
import { statSync } from 'node:fs';

const LOOK_MS = 2_000;

/** What changes when a file does; '' where there is none. Links are followed. */
export function markOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
}

/** Calls `onChange` once a changed `file` has stayed as it is for two seconds, so that none is read half written. Returns how to stop. */
export function watchFile(file: string, onChange: () => void): () => void {
  let known = markOf(file);
  let last = known;
  const timer = setInterval(() => {
    const mark = markOf(file);
    if (mark !== '' && mark !== known && mark === last) {
      known = mark;
      onChange();
    }
    last = mark;
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
