/** What every directory keeps to, whatever it reads: run by the tests of each source. */
import { describe, expect, it } from 'vitest';
import type { Directory } from '../../directory/directory.ts';
import type { DirectoryRecord } from '../../model/person.ts';

/** How the suite sets up one source; each is called once for each test that needs it. */
export interface DirectoryFixtures {
  /** A directory of `count` people, each with a field `id` of its own. */
  people(count: number): Promise<Directory>;
  /** A directory of many people whose read fails after at least one page. */
  failingMidway(): Promise<Directory>;
}

/** All records of one read. */
export async function readAll(directory: Directory, signal?: AbortSignal): Promise<DirectoryRecord[]> {
  const records: DirectoryRecord[] = [];
  for await (const page of directory.pages(signal)) records.push(...page);
  return records;
}

/** Declares the suite for one source; more than one page is asked for with `manyPeople`. */
export function describeDirectory(name: string, fixtures: DirectoryFixtures, manyPeople = 2500): void {
  describe(`${name}, as a directory`, () => {
    it('gives every person once, in pages', async () => {
      const directory = await fixtures.people(manyPeople);
      const sizes: number[] = [];
      const ids: unknown[] = [];
      for await (const page of directory.pages()) {
        sizes.push(page.length);
        ids.push(...page.map((record) => record.id));
      }
      expect(sizes.length).toBeGreaterThan(1);
      expect(Math.min(...sizes)).toBeGreaterThan(0);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(1000);
      expect(ids).toHaveLength(manyPeople);
      expect(new Set(ids).size).toBe(manyPeople);
    });

    it('ends an empty directory without a page', async () => {
      expect(await readAll(await fixtures.people(0))).toEqual([]);
    });

    it('gives the same at a second read', async () => {
      const directory = await fixtures.people(30);
      const first = await readAll(directory);
      expect(first).toHaveLength(30);
      expect(await readAll(directory)).toEqual(first);
    });

    it('reads nothing before it is iterated', async () => {
      const directory = await fixtures.people(3);
      directory.pages(AbortSignal.abort());
      expect(await readAll(directory)).toHaveLength(3);
    });

    it('makes a failure midway an error, after what came before', async () => {
      const directory = await fixtures.failingMidway();
      let pages = 0;
      const read = async () => {
        for await (const _ of directory.pages()) pages += 1;
      };
      await expect(read()).rejects.toMatchObject({ name: 'SyncError', kind: 'incomplete' });
      expect(pages).toBeGreaterThan(0);
    });

    it('makes an abort before the start an error', async () => {
      const read = readAll(await fixtures.people(30), AbortSignal.abort());
      await expect(read).rejects.toMatchObject({ kind: 'incomplete', code: 'directory.aborted' });
    });

    it('makes an abort between pages an error', async () => {
      const directory = await fixtures.people(manyPeople);
      const controller = new AbortController();
      let pages = 0;
      const read = async () => {
        for await (const _ of directory.pages(controller.signal)) {
          pages += 1;
          controller.abort();
        }
      };
      await expect(read()).rejects.toMatchObject({ kind: 'incomplete', code: 'directory.aborted' });
      expect(pages).toBe(1);
    });

    it('makes an abort after the last page an error', async () => {
      const directory = await fixtures.people(3);
      const controller = new AbortController();
      const read = async () => {
        for await (const _ of directory.pages(controller.signal)) controller.abort();
      };
      await expect(read()).rejects.toMatchObject({ code: 'directory.aborted' });
    });

    it('can be left in the middle and read again', async () => {
      const directory = await fixtures.people(manyPeople);
      for await (const page of directory.pages()) {
        expect(page.length).toBeGreaterThan(0);
        break;
      }
      expect(await readAll(directory)).toHaveLength(manyPeople);
    });

    it('names itself without a secret', async () => {
      const directory = await fixtures.people(1);
      expect(directory.name).not.toMatch(/secret/);
      expect(directory.name.length).toBeGreaterThan(4);
    });
  });
}
