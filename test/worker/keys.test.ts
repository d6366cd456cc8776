import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { markAt } from '../../config/watch.ts';
import { watchKeys } from '../../worker/keys.ts';

/** A key in a file of its own, watched; what was told of it. */
function watched(meanwhile: (file: string) => void = () => undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'keys-'));
  const file = join(folder, 'key');
  writeFileSync(file, 'first');
  const mark = markAt(file);
  meanwhile(file);
  const [changed, told]: [string[], string[]] = [[], []];
  const onChange = (value: string) => void changed.push(value);
  const onTrouble = ({ message }: Error) => void told.push(message);
  const watch = watchKeys([{ value: 'first', source: { path: file, mark } }], {
    onChange,
    onTrouble,
  });
  onTestFinished(() => {
    watch.close();
    rmSync(folder, { recursive: true });
  });
  return { file, changed, told, watch };
}

it('a file that was changed and is empty is told of, and the key stays', async () => {
  const { file, changed, told, watch } = watched();
  writeFileSync(file, '');
  await expect.poll(() => told.length).toBeGreaterThan(0);
  expect(told[0]).toContain(file);
  expect(watch.keys()).toEqual(['first']);
  writeFileSync(file, 'second');
  await expect.poll(() => changed).toEqual(['second']);
  expect(watch.keys()).toEqual(['second']);
});

it('a file that is replaced by a readable one is told of as a change alone', async () => {
  const { file, changed, told } = watched();
  writeFileSync(file, 'second');
  chmodSync(file, 0o600);
  await expect.poll(() => changed).toEqual(['second']);
  expect(told).toEqual([]);
});

it('a file that was changed before it was watched, and after it was read, is a change', async () => {
  const { changed, watch } = watched((file) => writeFileSync(file, 'the second'));
  await expect.poll(() => changed).toEqual(['the second']);
  expect(watch.keys()).toEqual(['the second']);
});
