/** The API keys as they are now: one that came from a file is read again when the file changes, within five seconds. */
import { readFileSync } from 'node:fs';
import type { Secret } from '../config/files.ts';
import { markAt } from '../config/watch.ts';
import { SyncError } from '../model/errors.ts';

export interface KeyWatch {
  keys(): readonly string[];
  close(): void;
}

const LOOK_MS = 2_000;

export interface KeyWatchOptions {
  readonly onChange: (value: string) => void;
  /** Told at each look of a changed file that gives no key. */
  readonly onTrouble: (error: SyncError) => void;
}

/** Watches the files of `keys`; one that cannot be read, or is empty, leaves the key as it was. */
export function watchKeys(keys: readonly Secret[], { onChange, onTrouble }: KeyWatchOptions): KeyWatch {
  const held = keys.map(({ value, source }) => ({
    value,
    file: source?.path,
    mark: source?.mark,
    last: source?.mark,
  }));
  const look = () => {
    for (const key of held) {
      if (key.file === undefined) continue;
      const mark = markAt(key.file);
      const isSettled = mark === key.last;
      key.last = mark;
      if (mark === key.mark) continue;
      const value = readKey(key.file);
      if (value !== '') {
        Object.assign(key, { mark, value });
        onChange(value);
      } else if (isSettled) onTrouble(unread(key.file));
    }
  };
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  return { keys: () => held.map(({ value }) => value), close: () => clearInterval(timer) };
}

function unread(file: string): SyncError {
  const message = `the file ${file} was changed and gives no API key now: it is missing or empty, or this user may not read it; the key of before is used on`;
  return new SyncError('config', 'key.unread', message);
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
