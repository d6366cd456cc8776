import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSyncError, SyncError } from '../../model/errors.ts';
import type { DirectoryRecord, FieldValue } from '../../model/person.ts';
import { compileExpression } from '../../plan/expression.ts';

function evaluate(source: string, record: DirectoryRecord = {}): FieldValue {
  return compileExpression(source).evaluate(record);
}

/** The SyncError that `run` throws; anything else fails the test. */
function caught(run: () => unknown): SyncError {
  try {
    run();
  } catch (error) {
    if (isSyncError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const LONG = 'a'.repeat(65_536);
const MANY = Array.from({ length: 1_000 }, (_, index) => `group-${index}`);

describe('compileExpression', () => {
  it.each<[string, DirectoryRecord, FieldValue]>([
    ['email', { email: 'ann@acme.example' }, 'ann@acme.example'],
    [' email ', { email: 'a' }, 'a'],
    ['email', {}, null],
    ['email', { email: '' }, null],
    ['int', { int: 'a field may have a type name' }, 'a field may have a type name'],
    ['package', { package: 'or a reserved one' }, 'or a reserved one'],
    ['groups', { groups: ['a', 'b'] }, ['a', 'b']],
    ['record["Full Name"]', { 'Full Name': 'Ann' }, 'Ann'],
    ['record["Full Name"].upperAscii()', { 'Full Name': 'Ann' }, 'ANN'],
    ['record["a.b"]', { 'a.b': 1 }, 1],
    ['record.email + "!"', { email: 'a' }, 'a!'],
    ['first + " " + last', { first: 'Ann', last: 'Lee' }, 'Ann Lee'],
    ['office == null', { office: '' }, true],
    ['status == "active"', {}, false],
    ['status != "active"', {}, true],
    ['has(record.office)', { office: '' }, false],
    ['has(record.office)', { office: 'B' }, true],
    ['office.orElse("none")', {}, 'none'],
    ['office.orElse("none")', { office: 'Berlin' }, 'Berlin'],
    ['office == null ? "none" : office', {}, 'none'],
    ['level > 3', { level: 5 }, true],
    ['level > 3', { level: 2.5 }, false],
    ['level == 5.0', { level: 5 }, true],
    ['level + 1', { level: 5 }, 6],
    ['level * 1.5', { level: 3 }, 4.5],
    ['0.5 + level', { level: 2 }, 2.5],
    ['level % 2 == 0', { level: 4 }, true],
    ['int(level) > 3', { level: '5' }, true],
    ['double(level)', { level: '1.5' }, 1.5],
    ['string(level)', { level: 5 }, '5'],
    ['bool(flag)', { flag: 'true' }, true],
    ['9007199254740993', {}, '9007199254740993'],
    ['"admins" in groups', { groups: ['admins'] }, true],
    ['"admins" in groups', {}, false],
    ['groups.exists(g, g.startsWith("adm"))', { groups: ['x', 'admins'] }, true],
    ['groups.exists(g, g == "x")', {}, false],
    ['groups.all(g, g == "x")', {}, true],
    ['groups.filter(g, g.contains("a")).map(g, g.trim())', { groups: ['a ', 'b'] }, ['a']],
    ['groups.map(g, g.lowerAscii()).join(",")', { groups: ['A', 'B'] }, 'a,b'],
    ['groups.exists_one(g, g == "a")', { groups: ['a', 'b'] }, true],
    ['groups[0]', { groups: ['a', 'b'] }, 'a'],
    ['size(groups)', { groups: ['a', 'b'] }, 2],
    ['name.split(", ")[1]', { name: 'Lee, Ann' }, 'Ann'],
    ['name.replace("a", "bb")', { name: 'banana' }, 'bbbnbbnbb'],
    ['name.substring(1, 3)', { name: 'banana' }, 'an'],
    ['name.substring(name.indexOf("@") + 1)', { name: 'a@b' }, 'b'],
    ['name.endsWith("@acme.example")', { name: 'a@acme.example' }, true],
    ['name.matches("^[a-z]+$")', { name: 'banana' }, true],
    ['name.matches("^[a-z]+$")', { name: 'Banana' }, false],
    ['address.city', { address: { city: 'Berlin' } }, 'Berlin'],
    ['has(address.zip) ? address.zip : null', { address: { city: 'Berlin' } }, null],
    ['broken.trim() == "x" || fine', { fine: true }, true],
  ])('evaluates %s over %j', (source, record, value) => {
    expect(evaluate(source, record)).toEqual(value);
  });

  it('names the top-level fields that it reads, and no loop variable', () => {
    const source = 'a + record["b c"] + d.e + groups.map(g, g + f).join(a) + record.h';
    expect([...compileExpression(source).fields].sort()).toEqual(['a', 'b c', 'd', 'f', 'groups', 'h']);
  });

  it.each([
    ['', 'empty', 'Name a field'],
    ['x'.repeat(2_001), 'too-long', '2000'],
    ['a +', 'syntax', 'column 3'],
    ['a = b', 'syntax', 'write =='],
    ['a and b', 'syntax', 'write &&'],
    ['a ? b', 'syntax', 'condition ? one : other'],
    ['“a”', 'syntax', 'straight quotes'],
    ['"abc', 'syntax', 'closing quote'],
    ['a.map(x,\n  x.lowerAsci())', 'unknown-function', 'line 2, column 4'],
    ['name.lowerAsci()', 'unknown-function', 'Did you mean lowerAscii?'],
    ['name.start_with("a")', 'unknown-function', 'Did you mean startsWith?'],
    ['name.capitalise()', 'unknown-function', 'There are: contains'],
    ['timestamp(hired)', 'unknown-function', 'timestamp'],
    ['"%.999999999f".format([1.0])', 'unknown-function', 'format'],
    ['lowerAscii(name)', 'arguments', 'text.lowerAscii()'],
    ['name.trim(3)', 'arguments', 'text.trim()'],
    ['name.matches(pattern)', 'pattern', 'literal text'],
    ['name.matches("(?=a)")', 'pattern', 'RE2'],
    ['name.matches("((a{100}){100}){100}")', 'pattern', 'RE2'],
    ['record', 'record', 'record["Full Name"]'],
    ['record[name]', 'record', 'literal text'],
    ['constructor', 'forbidden-name', 'constructor'],
    ['__proto__ == null', 'forbidden-name', '__proto__'],
    ['record["__proto__"]', 'forbidden-name', '__proto__'],
    ['a.constructor.name', 'forbidden-name', 'constructor'],
    ['a["prototype"]', 'forbidden-name', 'prototype'],
    ['{"__proto__": a}', 'forbidden-name', '__proto__'],
    ['a.map(constructor, constructor)', 'forbidden-name', 'constructor'],
    ['Person{name: a}', 'unknown-function', 'Person'],
    ['('.repeat(900), 'too-deep', 'nested'],
    [`a${' + a'.repeat(400)}`, 'too-deep', 'chain'],
    ['a.map(b, a.map(c, a.map(d, a.map(e, e))))', 'too-deep', 'at most 3'],
  ])('refuses %s at compile time', (source, code, said) => {
    const error = caught(() => compileExpression(source));
    expect(error).toMatchObject({ kind: 'config', code: `expression.${code}` });
    expect(error.message).toContain(said);
  });

  it.each<[string, DirectoryRecord, string]>([
    [
      'first + " " + last',
      { first: 'Ann' },
      'at column 12: + cannot be applied to text and nothing. last is empty',
    ],
    ['name.lowerAscii()', {}, 'lowerAscii cannot be applied to nothing. name is empty'],
    ['level > 3', { level: 'secret' }, '> cannot be applied to text and a number'],
    ['int(level)', { level: 'secret' }, 'int cannot be applied'],
    ['groups[5]', { groups: ['secret'] }, 'no such entry'],
    ['address.zip', { address: { city: 'secret' } }, 'no such entry'],
    ['a[b]', { a: { x: 1 }, b: 'secret' }, 'no such entry'],
    ['name ? 1 : 2', { name: 'secret' }, '?: cannot be applied to text'],
    ['{"a": name}', { name: 'secret' }, 'gave an object'],
    ['1 / level', { level: 0 }, '/ cannot be applied'],
  ])('refuses a record for %s without a value of it', (source, record, said) => {
    const error = caught(() => evaluate(source, record));
    expect(error).toMatchObject({ kind: 'refused', code: 'record.expression' });
    expect(error.message).toContain(said);
    expect(error.message).not.toMatch(/secret|Ann/);
  });

  it.each<[string, DirectoryRecord, string]>([
    ['name', { name: `${LONG}a` }, 'record.too-large'],
    ['"x" in groups', { groups: [...MANY, 'x'] }, 'record.too-large'],
    ['groups', { groups: Array.from({ length: 20 }, () => LONG) }, 'record.too-large'],
    ['tree', { tree: [[[[[[[[['deep']]]]]]]]] }, 'record.too-large'],
    ['a.b', { a: JSON.parse('{"b": 1, "__proto__": {"polluted": true}}') }, 'record.forbidden-key'],
  ])('refuses a record whose field is beyond the caps, for %s', (source, record, code) => {
    expect(caught(() => evaluate(source, record))).toMatchObject({ kind: 'refused', code });
  });

  it('takes a record at the caps', () => {
    expect(evaluate('name', { name: LONG })).toBe(LONG);
    expect(evaluate('size(groups)', { groups: MANY })).toBe(1_000);
  });

  it('reads nothing that the record inherits', () => {
    expect(evaluate('toString')).toBeNull();
    expect(evaluate('hasOwnProperty == null')).toBe(true);
    expect(evaluate('valueOf', Object.create({ valueOf: 'inherited' }))).toBeNull();
    expect(() => evaluate('a["const" + "ructor"]', { a: {} })).toThrow(SyncError);
  });

  it('matches in linear time what hangs a backtracking engine', () => {
    const expression = compileExpression('name.matches("(a+)+$")');
    const start = performance.now();
    expect(expression.evaluate({ name: `${'a'.repeat(50_000)}!` })).toBe(false);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  it.each<[string]>([
    ['long + long'],
    ['long.replace("a", "aaaa")'],
    ['long.replace("a", long)'],
    ['long.split("")'],
    ['many.join(long)'],
    ['many.map(x, long)'],
    ['many + many'],
    ['many.map(x, long.lowerAscii())'],
    ['many.all(x, many.all(y, true))'],
    ['many.all(x, many.all(y, many.all(z, x != "")))'],
    ['many.exists(x, many.exists(y, y == x && false)) || true'],
    ['long.contains(needle)'],
    [`[many]${'.map(x, [x, x])'.repeat(40)} == []`],
    [`[many]${'.map(x, {1: x, 2: x})'.repeat(40)} == []`],
    [`[short]${'.map(x, x + x)'.repeat(40)}`],
    [Array.from({ length: 40 }, () => 'long.matches("(a|aa)+$")').join(' || ')],
  ])('stops %s before it runs away', (source) => {
    const needle = `b${'a'.repeat(30_000)}`;
    const expression = compileExpression(source);
    const start = performance.now();
    const record = { long: `${LONG.slice(1)}!`, many: MANY, short: 'abcd', needle };
    const error = caught(() => expression.evaluate(record));
    expect(performance.now() - start).toBeLessThan(20_000);
    expect(error).toMatchObject({ kind: 'refused', code: 'record.expression' });
    expect(error.message).toContain('stopped');
  });

  it('evaluates a record as before after one that was stopped', () => {
    const expression = compileExpression('names.all(x, names.all(y, true))');
    expect(() => expression.evaluate({ names: MANY })).toThrow('too many steps');
    expect(expression.evaluate({ names: ['a', 'b'] })).toBe(true);
  });

  it('meets no source that does anything but compile or raise a SyncError', () => {
    fc.assert(
      fc.property(source(), record(), (text, fields) => {
        const start = performance.now();
        try {
          compileExpression(text).evaluate(fields);
        } catch (error) {
          if (!(error instanceof SyncError)) throw error;
        }
        expect(performance.now() - start).toBeLessThan(20_000);
      }),
      { numRuns: 100_000 },
    );
  });

  it('meets no record that does anything but evaluate or raise a refusal', () => {
    const expressions = [
      'a',
      'a + " " + b',
      'a == "x" && c > 3',
      'a.orElse("none").lowerAscii().matches("^x+$")',
      '"x" in b',
      'b.exists(v, v == a)',
      'b.map(v, string(v)).join(",")',
      'a.b.c',
      'record["d e"] == null ? a : c',
      'size(b) + int(c)',
    ].map(compileExpression);
    fc.assert(
      fc.property(record(), (fields) => {
        for (const expression of expressions) {
          try {
            expression.evaluate(fields);
          } catch (error) {
            if (!isSyncError(error, 'refused')) throw error;
          }
        }
      }),
      { numRuns: 100_000 },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(evaluate('polluted')).toBeNull();
  });
});

const WORDS = [
  'a',
  'b',
  'c',
  'record',
  'record["d e"]',
  '"x"',
  '1',
  '2.5',
  'true',
  'null',
  'constructor',
  '[a, b]',
];
const JOINTS = [
  ' + ',
  ' == ',
  ' && ',
  ' || ',
  ' in ',
  ' < ',
  ' ? ',
  ' : ',
  '.',
  '[',
  ']',
  '(',
  ')',
  ', ',
  '!',
  '-',
];
const CALLS = [
  '.map(v, ',
  '.exists(v, ',
  '.split(',
  '.replace(',
  '.matches(',
  'size(',
  'has(',
  '.orElse(',
  '{"k": ',
];

/** Half of them pieces of CEL put together at random, half of them any text. */
function source(): fc.Arbitrary<string> {
  const piece = fc.constantFrom(...WORDS, ...JOINTS, ...CALLS);
  const tidy = fc.letrec<{ expr: string }>((tie) => ({
    expr: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(...WORDS),
      fc
        .tuple(tie('expr'), fc.constantFrom(...JOINTS.slice(0, 6)), tie('expr'))
        .map((parts) => parts.join('')),
      fc
        .tuple(tie('expr'), fc.constantFrom(...CALLS), tie('expr'))
        .map(([on, call, by]) => `${on}${call}${by})`),
    ),
  })).expr;
  return fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
    tidy,
    fc.string({ maxLength: 40 }),
  );
}

function record(): fc.Arbitrary<DirectoryRecord> {
  const key = fc.constantFrom('a', 'b', 'c', 'd e', '__proto__', 'constructor');
  const leaf = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
  );
  const value = fc.letrec<{ value: FieldValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.oneof(key, fc.string()), tie('value'), { maxKeys: 3, noNullPrototype: false }),
    ),
  })).value;
  return fc.dictionary(key, value, { maxKeys: 5 });
}
