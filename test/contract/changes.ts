/** What every directory keeps to that can tell who changed: run by the tests of each such source. */
import { describe, expect, it } from 'vitest';
import type { Changes, ChangesPage, Directory, NextWatermark } from '../../directory/directory.ts';
import type { DirectoryRecord } from '../../model/person.ts';

/** A directory that the suite may change. */
export interface ChangingDirectory {
  readonly directory: Directory;
  /** What tells the records of this directory apart: `p0`, `p1`, … */
  id(record: DirectoryRecord): string;
  /** Gives person n a field `sn` with this value. */
  change(n: number, sn: string): Promise<void>;
  /** Adds one more person. */
  hire(n: number): Promise<void>;
  remove(n: number): Promise<void>;
}

/** One read of changes. */
export interface ReadChanges {
  readonly records: readonly DirectoryRecord[];
  readonly gone: readonly DirectoryRecord[];
  readonly watermark: string;
}

/** The changes of a directory that has some. */
export function changesOf({ changes }: Directory): Changes {
  if (changes === undefined) throw new Error('this directory tells no changes');
  return changes;
}

/** A full read to its end. */
export async function readAllOf(
  directory: Directory,
  onPage: () => Promise<void> = async () => {},
): Promise<{ records: DirectoryRecord[]; next: NextWatermark }> {
  const records: DirectoryRecord[] = [];
  const pages = changesOf(directory).all();
  for (;;) {
    const page = await pages.next();
    if (page.done) return { records, next: page.value };
    records.push(...page.value);
    await onPage();
  }
}

/** The watermark of a full read. */
export async function watermarkOf(directory: Directory, onPage?: () => Promise<void>): Promise<string> {
  const { next } = await readAllOf(directory, onPage);
  if ('problem' in next) throw new Error(next.problem);
  return next.watermark;
}

/** A read of changes to its end. */
export async function readSince(
  directory: Directory,
  watermark: string,
  signal?: AbortSignal,
): Promise<ReadChanges> {
  const all: ChangesPage[] = [];
  const pages = changesOf(directory).since(watermark, signal);
  for (;;) {
    const page = await pages.next();
    if (page.done) {
      const gone = all.flatMap((each) => each.gone ?? []);
      return { records: all.flat(), gone, watermark: page.value };
    }
    all.push(page.value);
  }
}

/** Declares the suite for one source; `open` makes a directory of `count` people, the first ones on an early page. */
export function describeChanges(name: string, open: (count: number) => Promise<ChangingDirectory>): void {
  describe(`${name}, as a directory that tells changes`, () => {
    const who = ({ id }: ChangingDirectory, records: readonly DirectoryRecord[]) => records.map(id).sort();

    it('gives everybody as its pages do, and a watermark', async () => {
      const company = await open(7);
      const { records, next } = await readAllOf(company.directory);
      expect(who(company, records)).toEqual(['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6']);
      expect(next).toEqual({ watermark: expect.stringMatching(/./) });
    });

    it('gives who changed, whole, and who came; from one watermark to the next', async () => {
      const company = await open(7);
      const { directory } = company;
      const watermark = await watermarkOf(directory);
      await company.change(3, 'Changed');
      const first = await readSince(directory, watermark);
      expect(first.records.map(company.id)).toContain('p3');
      const changed = first.records.find((record) => company.id(record) === 'p3');
      const { records: everybody } = await readAllOf(directory);
      expect(changed).toEqual(everybody.find((record) => company.id(record) === 'p3'));
      expect(changed).toMatchObject({ sn: 'Changed' });
      await company.hire(7);
      const second = await readSince(directory, first.watermark);
      expect(second.records.map(company.id)).toContain('p7');
      expect([...first.gone, ...second.gone]).toEqual([]);
    });

    it('gives a change again from the same watermark', async () => {
      const company = await open(7);
      const watermark = await watermarkOf(company.directory);
      await company.change(3, 'Changed');
      for (let again = 0; again < 2; again++) {
        const { records } = await readSince(company.directory, watermark);
        expect(records.map(company.id)).toContain('p3');
      }
    });

    it('loses no change that came while everybody was read', async () => {
      const company = await open(7);
      let pages = 0;
      const watermark = await watermarkOf(company.directory, async () => {
        pages += 1;
        if (pages === 1) for (let n = 0; n < 7; n += 1) await company.change(n, 'Meanwhile');
      });
      const { records } = await readSince(company.directory, watermark);
      expect(who(company, records)).toEqual(['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6']);
    });

    it('gives nobody twice, and no record of who is gone', async () => {
      const company = await open(7);
      const watermark = await watermarkOf(company.directory);
      await company.change(3, 'Changed');
      await company.change(3, 'Changed again');
      await company.change(4, 'Changed');
      await company.remove(4);
      const { records } = await readSince(company.directory, watermark);
      const ids = who(company, records);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids).toContain('p3');
      expect(ids).not.toContain('p4');
    });

    it('says before any page that it does not take a watermark that is none of its own', async () => {
      const { directory } = await open(1);
      for (const strange of ['', 'nonsense', '!']) {
        const read = changesOf(directory).since(strange).next();
        await expect(read).rejects.toMatchObject({ kind: 'incomplete', code: 'directory.watermark' });
      }
    });

    it('makes an abort an error', async () => {
      const { directory } = await open(1);
      const watermark = await watermarkOf(directory);
      const read = readSince(directory, watermark, AbortSignal.abort());
      await expect(read).rejects.toMatchObject({ code: 'directory.aborted' });
      const all = changesOf(directory).all(AbortSignal.abort()).next();
      await expect(all).rejects.toMatchObject({ code: 'directory.aborted' });
    });
  });
}
