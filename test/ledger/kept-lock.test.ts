import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Lock, lockFolder } from '../../ledger/folder-lock.ts';
import { keepLock } from '../../ledger/kept-lock.ts';

let folder: string;
let taken: Lock[];
beforeEach(() => {
  taken = [];
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
  return () => rmSync(folder, { recursive: true, force: true });
});

const take = () => lockFolder(folder, AbortSignal.timeout(10_000));

function kept(released = () => {}) {
  return keepLock(async () => {
    const lock = await take();
    taken.push(lock);
    return { ...lock, release: () => lock.release().then(released) };
  });
}

const others = (again: boolean) => Promise.resolve(again);

describe('keepLock', () => {
  it('takes the lock once for works that follow each other', async () => {
    const lock = kept();
    expect(await lock.under(others)).toBe(true);
    for (let again = 0; again < 5; again++) expect(await lock.under(others)).toBe(false);
    expect(taken).toHaveLength(1);
  });

  it('gives it up at once where somebody else waits, and says that they may have been there', async () => {
    const lock = kept();
    await lock.under(others);
    const theirs = await take();
    const again = lock.under(others);
    await theirs.release();
    expect(await again).toBe(true);
  });

  it('finishes the work that is under way before somebody else has it', async () => {
    const lock = kept();
    const order: string[] = [];
    await lock.under(others);
    const work = lock.under(async () => {
      await taken[0]?.wanted;
      order.push('ours');
    });
    const theirs = take().then((other) => {
      order.push('theirs');
      return other.release();
    });
    await Promise.all([work, theirs]);
    expect(order).toEqual(['ours', 'theirs']);
  });

  it('gives it up when nothing follows', async () => {
    let lock = kept();
    await new Promise<void>((resolve) => {
      lock = kept(resolve);
      void lock.under(others);
    });
    expect(await lock.under(others)).toBe(true);
    expect(taken).toHaveLength(2);
  });

  it('gives it up after work that fails as after any other', async () => {
    const lock = kept();
    await expect(lock.under(() => Promise.reject(new Error('full')))).rejects.toThrow('full');
    await (await take()).release();
  });
});
