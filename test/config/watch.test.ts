import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { markAt, watchFile } from '../../config/watch.ts';

/** A file with its mark of now, and a count of its changes once it is watched. */
function seenFile() {
  const folder = mkdtempSync(join(tmpdir(), 'watch-'));
  const path = join(folder, 'file');
  writeFileSync(path, 'one');
  const seen = { path, mark: markAt(path) };
  let changes = 0;
  const watch = () => onTestFinished(watchFile(seen, () => void changes++));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return { path, watch, changes: () => changes };
}

it('tells of a change that came after the file was read, and before it was watched', async () => {
  const { path, watch, changes } = seenFile();
  writeFileSync(path, 'another');
  watch();
  await expect.poll(changes).toBe(1);
});

it('tells of each change once', async () => {
  const { path, watch, changes } = seenFile();
  watch();
  writeFileSync(path, 'another');
  await expect.poll(changes).toBe(1);
  writeFileSync(path, 'a third one');
  await expect.poll(changes).toBe(2);
});
