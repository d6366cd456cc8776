import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ROWS } from './rows.ts';

const ASKED = [
  ...Array.from({ length: 30 }, (_, at) => at + 1),
  32,
  33,
  ...Array.from({ length: 24 }, (_, at) => at + 35),
];

describe('ROWS', () => {
  it('are all that concern what is built, once each, in order', () => {
    expect(ROWS.map(({ number }) => number)).toEqual(ASKED);
  });

  it.for(ROWS)('row $number ($fault) names tests that are there', ({ shown }) => {
    expect(shown.length).toBeGreaterThan(0);
    for (const { file, words } of shown) {
      const text = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
      expect(words.filter((word) => !text.includes(word))).toEqual([]);
    }
  });
});
