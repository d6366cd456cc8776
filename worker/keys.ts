/** The API keys as they are now: one that came from a file is read again when the file changes, within five seconds. */
import { readFileSync } from 'node:fs';
import { markOf } from '../config/watch.ts';

export interface WatchedKey {
  readonly value: string;
  readonly file?: string;
}

export interface KeyWatch {
  keys(): readonly string[];
  close(): void;
}

const LOOK_MS = 2_000;

/** Watches the files of `keys`; one that cannot be read, or is empty, leaves the key as it was. */
export function watchKeys(keys: readonly WatchedKey[], onChange: (value: string) => void): KeyWatch {
  const held = keys.map((key) => ({ ...key, mark: key.file === undefined ? '' : markOf(key.file) }));
  const look = () => {
    for (const key of held) {
      if (key.file === undefined) continue;
      const mark = markOf(key.file);
      if (mark === key.mark) continue;
      const value = readKey(key.file);
      if (value === '') continue;
      Object.assign(key, { mark, value });
      onChange(value);
    }
  };
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  return { keys: () => held.map(({ value }) => value), close: () => clearInterval(timer) };
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
