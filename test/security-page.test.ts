/** docs/security.md, held to the tests that it names: each is there, under just that title, and every requirement has one answer. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const text = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const page = text('docs/security.md');

/** The highest requirement of level 1 or 2 in each section of ASVS 5.0.0, where all below it are of these levels too. */
const SECTIONS: Readonly<Record<string, number>> = {
  ...{ '1.1': 2, '1.2': 9, '1.3': 11, '1.4': 3, '1.5': 2 },
  ...{ '2.1': 3, '2.2': 3, '2.3': 4, '2.4': 1 },
  ...{ '4.1': 3, '4.2': 1, '4.3': 2, '4.4': 4 },
  ...{ '6.1': 3, '6.2': 12, '6.3': 4, '6.4': 4, '6.5': 5, '6.6': 3, '6.8': 4 },
  ...{ '8.1': 2, '8.2': 3, '8.3': 1, '8.4': 1 },
  ...{ '11.1': 2, '11.2': 3, '11.3': 3, '11.4': 4, '11.5': 1, '11.6': 1 },
  ...{ '12.1': 3, '12.2': 2, '12.3': 4 },
  ...{ '13.1': 1, '13.2': 5, '13.3': 2, '13.4': 5 },
  ...{ '14.1': 2, '14.2': 4, '14.3': 3 },
  ...{ '15.1': 3, '15.2': 3, '15.3': 7 },
  ...{ '16.1': 1, '16.2': 5, '16.3': 4, '16.4': 3, '16.5': 3 },
};

interface Row {
  readonly id: string;
  readonly state: string;
  readonly answer: string;
}

const rows: readonly Row[] = [...page.matchAll(/^\| (\d+\.\d+\.\d+) \| ([^|]+) \| (.*) \|$/gm)].map(
  ([, id = '', state = '', answer = '']) => ({ id, state, answer }),
);

const cited = [...page.matchAll(/`(test\/[\w./-]+\.test\.ts)` “([^”]+)”/g)].map(
  ([, file = '', title = '']) => ({ file, title }),
);

describe('docs/security.md', () => {
  it('names only tests that are there', () => {
    const missing = cited.filter(({ file, title }) => !text(file).includes(title));
    expect(missing).toEqual([]);
    expect(cited.length).toBeGreaterThan(150);
  });

  it('answers every requirement of levels 1 and 2 in its chapters once', () => {
    const wanted = Object.entries(SECTIONS).flatMap(([section, most]) =>
      Array.from({ length: most }, (_, i) => `${section}.${i + 1}`),
    );
    expect(rows.map(({ id }) => id)).toEqual(wanted);
  });

  it('shows a test for all that it calls met, and a reason for all else', () => {
    for (const { id, state, answer } of rows) {
      expect(['met', 'n.a.', 'yours', 'open'], id).toContain(state);
      if (state === 'met') expect(answer, id).toMatch(/`test\/[^`]+` “/);
      else expect(answer.length, id).toBeGreaterThan(5);
    }
  });

  it('counts them as they are', () => {
    const of = (wanted: string) => rows.filter(({ state }) => state === wanted).length;
    expect(page).toContain(
      `${of('met')} are met, ${of('n.a.')} do not apply, ${of('yours')} are yours (the deployment’s), ${of('open')} are open`,
    );
    const open = rows.filter(({ state }) => state === 'open').map(({ id }) => id);
    expect(open.length).toBeLessThanOrEqual(3);
    for (const id of open) expect(page.slice(0, page.indexOf('### V1 '))).toContain(id);
  });

  it('has a test in every row of the checklist', () => {
    const list = page.slice(page.indexOf('## Checklist'), page.indexOf('## What it talks to'));
    const areas = list.split('\n').filter((line) => /^\| (?!area|---)/.test(line));
    expect(areas.length).toBeGreaterThan(20);
    expect(areas.filter((line) => !/`test\/[^`]+` “/.test(line))).toEqual([]);
  });
});
