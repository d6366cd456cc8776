import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OmniUser } from '../../model/person.ts';
import { allPages } from '../../omni/pages.ts';

const user = (n: number): OmniUser => ({
  id: `id-${n}`,
  userName: `u${n}@e.example`,
  displayName: 'U',
  active: true,
});

/** Numbers of the accounts from `from` to `to`, both included. */
const range = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);

interface Turn {
  /** What the list is when this page is read. */
  readonly people: readonly number[];
  readonly cap?: number;
  readonly total?: number;
}

/** Reads a list that changes between pages; the last turn stays. Returns who came, page by page, and what was asked. */
async function read(turns: readonly Turn[]) {
  const asked: number[] = [];
  const came: string[][] = [];
  const pages = allPages(async (startIndex) => {
    const turn = turns[Math.min(asked.length, turns.length - 1)] ?? { people: [] };
    asked.push(startIndex);
    const { people, cap = 100, total = people.length } = turn;
    return { totalResults: total, users: people.slice(startIndex - 1, startIndex - 1 + cap).map(user) };
  });
  for await (const page of pages) came.push(page.map(({ id }) => id));
  return { asked, came: came.flat() };
}

describe('allPages', () => {
  it.each([
    [0, [1]],
    [1, [1]],
    [100, [1]],
    [101, [1, 101]],
    [250, [1, 101, 201]],
  ])('reads %i accounts in as few pages as they fill', async (count, pages) => {
    const { asked, came } = await read([{ people: range(1, count) }]);
    expect([asked, came.length]).toEqual([pages, count]);
  });

  it('advances by what came where the server gives less than was asked for', async () => {
    const { asked, came } = await read([{ people: range(1, 25), cap: 10 }]);
    expect([asked, came.length]).toEqual([[1, 11, 21], 25]);
  });

  it('reads on where the list grew', async () => {
    const { came } = await read([
      { people: range(1, 150) },
      { people: range(1, 205) },
      { people: range(1, 205) },
    ]);
    expect(came).toHaveLength(205);
  });

  it('steps back where the list shrank, so that nobody is jumped over', async () => {
    const later = range(1, 250).filter((n) => n !== 5 && n !== 7);
    const { asked, came } = await read([{ people: range(1, 250) }, { people: later }]);
    expect(asked).toEqual([1, 101, 99, 199]);
    expect(new Set(came)).toEqual(new Set(range(1, 250).map((n) => `id-${n}`)));
    expect(came).toHaveLength(250);
  });

  it('ends where the list shrank below its place', async () => {
    const { came } = await read([{ people: range(1, 150) }, { people: range(1, 80) }]);
    expect(came).toHaveLength(100);
  });

  it.each<[string, Turn[]]>([
    ['ends before its total', [{ people: range(1, 100), total: 250 }]],
    ['has a total but nobody', [{ people: [], total: 3 }]],
    [
      'repeats its first page',
      [{ people: range(1, 100), total: 200 }, { people: [...range(1, 100), ...range(1, 100)] }],
    ],
    ['holds somebody twice', [{ people: [1, 2, 2] }]],
    [
      'never stays as it was',
      Array.from({ length: 99 }, (_, i) => ({ people: range(1, 9), cap: 1, total: 9 - (i % 2) })),
    ],
  ])('throws where the list %s', async (_what, turns) => {
    await expect(read(turns)).rejects.toMatchObject({ kind: 'transient', code: 'omni.list-short' });
  });

  /** Reads a list that is longer at each page than at the one before. */
  async function readGrowing(total: (page: number) => number, cap: number) {
    let page = 0;
    let came = 0;
    const pages = allPages(async (startIndex) => {
      page += 1;
      return { totalResults: total(page), users: range(startIndex, startIndex + cap - 1).map(user) };
    });
    for await (const users of pages) came += users.length;
    return came;
  }

  it('gives a list up that brings somebody new for ever', async () => {
    const growing = readGrowing((page) => 100 * page + 1, 100);
    await expect(growing).rejects.toMatchObject({ kind: 'transient', code: 'omni.list-endless' });
  });

  it('gives a list up after 100,000 pages, whatever was announced', async () => {
    const vast = readGrowing(() => Number.MAX_SAFE_INTEGER, 1);
    await expect(vast).rejects.toMatchObject({ kind: 'transient', code: 'omni.list-endless' });
  });

  it('reads a list to its end that grew by a thousand meanwhile', async () => {
    expect(await readGrowing((page) => Math.min(1_100, 100 * page + 1), 100)).toBe(1_100);
  });

  it('yields everyone who was there all the time once, or throws, whatever is removed and added meanwhile', async () => {
    const change = fc.record({ remove: fc.array(fc.nat(59), { maxLength: 3 }), add: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 8 }),
        fc.integer({ min: 5, max: 20 }),
        async (changes, cap) => {
          let people = range(0, 59);
          const turns: Turn[] = [{ people, cap }];
          for (const { remove, add } of changes) {
            // Removing and adding within one page's time cannot be seen from the total: the next run sees it.
            people = people.filter((n) => !remove.includes(n));
            if (remove.length === 0)
              people = [...people, ...range(1000 + turns.length * 10, 999 + turns.length * 10 + add)];
            turns.push({ people, cap });
          }
          const { came } = await read(turns).catch(() => ({ came: undefined }));
          if (came === undefined) return;
          expect(new Set(came).size).toBe(came.length);
          for (const n of people.filter((one) => one < 60)) expect(came).toContain(`id-${n}`);
        },
      ),
    );
  });
});
