import { describe, expect, it } from 'vitest';
import { readDocument } from '../../config/document.ts';

const messages = (text: string) =>
  readDocument(text).faults.map(({ line, path, message }) => `${line} ${path} ${message}`);

function timed(text: string) {
  const memory = process.memoryUsage().rss;
  const start = performance.now();
  const { faults, tree } = readDocument(text);
  const mebibytes = (process.memoryUsage().rss - memory) / 1024 ** 2;
  return { faults, tree, milliseconds: performance.now() - start, mebibytes };
}

describe('readDocument', () => {
  it('reads YAML 1.2 core: on, yes and no are texts', () => {
    expect(readDocument('on: yes\nn: no\nb: true\nf: 0x10\nz: ~\nt: 2020-01-01').tree).toEqual({
      on: 'yes',
      n: 'no',
      b: true,
      f: 16,
      z: null,
      t: '2020-01-01',
    });
  });

  it('knows the line of every setting, and of the nearest one above a missing one', () => {
    const { lineOf } = readDocument('a:\n  - b: 1\n    c:\n      d: 2\n  - 7\n');
    expect(lineOf(['a', 0, 'c', 'd'])).toBe(4);
    expect(lineOf(['a', 0, 'c', 'missing', 'deeper'])).toBe(3);
    expect(lineOf(['a', 1])).toBe(5);
    expect(lineOf(['missing'])).toBe(1);
  });

  it.each([
    ['a: !secret b', /^1 {2}has a tag/],
    ['a: !!binary aGk=', /^1 {2}has a tag/],
    ['a: !!js/function "x"', /^1 {2}has a tag/],
    ['a: 1\nb: {c: 2,\n  c: 3}', /^3 b\.c stands here twice/],
    ['a: 1\n"a": 2', /^2 a stands here twice/],
    ['a:\n  __proto__: {x: 1}', /^2 a\.__proto__ is a name that is refused/],
    ['constructor: 1', /^1 constructor is a name that is refused/],
    ['a: {prototype: 1}', /^1 a\.prototype is a name that is refused/],
    ['a: *b', /^1 a is an alias .* to nothing/],
    ['a: &a [*a]', /^1 a\[0\] is an alias .* to itself/],
    ['? [x]\n: y', /^1 {2}a key must be a plain text/],
    ['a: b: c', /^1 {2}there is a second ": "/],
    ['a: "b', /^1 {2}a quote, a bracket/],
    ['a: [b', /^1 {2}a bracket is not closed/],
    ['a: "b" + c', /^1 {2}something follows the end of a quoted text/],
    ['a: 1\nb\n', /^2 {2}this is no key with a value/],
    ['a:1\nb: 2\n', /^1 {2}this is no key with a value/],
    ['a: 1\n---\nb: 2', /^2 {2}holds more than one document/],
    ['%YAML 1.1\n---\na: yes', /^1 {2}declares another YAML than 1\.2/],
    ['%FOO bar\n---\na: yes', /^1 {2}a "%" directive/],
    ['a:\n\t- b', /^2 {2}is indented with a tab|^\d {2}/],
  ])('refuses %j', (text, expected) => {
    expect(messages(text)[0]).toMatch(expected);
  });

  it.each([
    ['a key further in', 'a:\n  b: 1\n   c: 2\n', 2],
    ['a key further out', 'a:\n  b: 1\n c: 2\n', 3],
    ['a key further in at the top', 'a: 1\n  b: 2\n', 1],
    ['a key further out at the top', '  a: 1\nb: 2\n', 2],
    ['a key of a list entry further in', '- a: 1\n   b: 2\n', 1],
    ['a key of a list entry further out', 'a:\n  - b: 1\n   c: 2\n', 3],
    ['a key beside its list entry', 'a:\n  - b: 1\n  c: 2\n', 3],
    ['a list entry among keys', 'a:\n  b: 1\n  - c\n', 3],
    ['a list entry further in', 'a:\n  - b: 1\n    - c\n', 3],
    ['a block text further out', 'a:\n  b: |\n x\n  y\n', 3],
  ])('tells %s as a fault of indentation, and nothing else', (_, text, line) => {
    expect(messages(text)).toEqual([
      expect.stringMatching(`^${line}  the indentation is off here or in the next line`),
    ]);
  });

  it('leaves nothing of a poisonous key in what it read', () => {
    const { tree } = readDocument('__proto__: {polluted: true}\na: 1');
    expect(tree).toEqual({ a: 1 });
    expect(Object.getPrototypeOf(tree)).toBe(Object.prototype);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('never quotes the text it could not read', () => {
    for (const spoiler of [
      'a: "CANARY\\q"',
      'a: b\nCANARY',
      '- a\nCANARY: c',
      'a: *CANARY',
      'a: {{ CANARY }}',
      '%CANARY\n---\n',
      'a: !CANARY b',
      "a: 'CANARY",
      'a: @CANARY',
      'k: [CANARY',
    ]) {
      expect(JSON.stringify(readDocument(spoiler).faults)).not.toContain('CANARY');
      expect(
        readDocument(spoiler).faults.length + (readDocument(spoiler).tree === undefined ? 0 : 1),
      ).toBeGreaterThan(0);
    }
  });

  it('is not moved by a billion laughs', () => {
    readDocument('warm: up');
    const lines = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
    for (const [index, name] of [...'bcdefghijk'].entries()) {
      lines.push(`${name}: &${name} [${Array(10).fill(`*${'abcdefghijk'[index]}`).join(',')}]`);
    }
    const { faults, tree, milliseconds, mebibytes } = timed(lines.join('\n'));
    expect(tree).toBeUndefined();
    expect(faults).toMatchObject([{ message: expect.stringContaining('once its aliases are expanded') }]);
    expect(milliseconds).toBeLessThan(20_000);
    expect(mebibytes).toBeLessThan(50);
  });

  // Each of these ends the process, or takes gigabytes, where it reaches the composer.
  it.each([
    ['nested flow maps', '{a: '.repeat(50_000)],
    ['nested flow lists', '['.repeat(500_000)],
    ['nested block lists', '- '.repeat(100_000)],
    ['nested block maps', Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['nested keys', '? '.repeat(100_000)],
    ['a million items', `[${'a,'.repeat(500_000)}]`],
  ])('stops early at %s', (_, text) => {
    const { faults, milliseconds } = timed(text);
    expect(faults).toMatchObject([{ line: 0, message: expect.stringContaining('simplify it') }]);
    expect(milliseconds).toBeLessThan(5000);
  });
});
