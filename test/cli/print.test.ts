import { afterEach, describe, expect, it, vi } from 'vitest';
import { say, table } from '../../cli/print.ts';

afterEach(() => vi.restoreAllMocks());

/** What reaches standard output. */
function saidAs(text: string): string {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  say(text);
  return write.mock.calls.map(([chunk]) => String(chunk)).join('');
}

describe('say', () => {
  it.each([
    ['a plain line, Žofie', 'a plain line, Žofie\n'],
    ['one\ntwo\n', 'one\ntwo\n\n'],
    ['red \u001b[31m', 'red \uFFFD[31m\n'],
    ['one\u009b2Jcharacter', 'one\uFFFD2Jcharacter\n'],
    ['over\rwritten\b', 'over\uFFFDwritten\uFFFD\n'],
    ['evil\u202Etxt\u2066', 'evil\uFFFDtxt\uFFFD\n'],
  ])('writes %j as %j', (text, written) => expect(saidAs(text)).toBe(written));
});

describe('table', () => {
  it('aligns its columns, and lets no control character through', () => {
    expect(table(['name', 'id'], [['\u001b[2J', '1']])).toEqual(['name  id', '\uFFFD[2J  1']);
  });
});
