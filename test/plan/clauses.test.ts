import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DirectoryRecord } from '../../model/person.ts';
import type { Clause } from '../../model/story.ts';
import { clausesOf, evaluatedFor } from '../../plan/clauses.ts';

/** `source = value`, parts in brackets. */
function shown({ source, value, joinedBy, parts, refusal }: Clause): string {
  const own = `${source} → ${refusal === undefined ? JSON.stringify(value) : 'refused'}`;
  return joinedBy === null ? own : `${joinedBy}(${parts.map(shown).join(', ')})`;
}

const ANN: DirectoryRecord = { status: 'active', office: 'Berlin', level: 3, groups: ['a'] };

describe('clausesOf', () => {
  it.each<[string, string]>([
    ['status == "active"', 'status == "active" → true'],
    [
      'status == "active" && office == "Paris" || level > 2',
      '||(&&(status == "active" → true, office == "Paris" → false), level > 2 → true)',
    ],
    [
      '(status == "x" || level == 3) && office != null',
      '&&(||(status == "x" → false, level == 3 → true), office != null → true)',
    ],
    ['!(level > 2 && level < 9)', '!(&&(level > 2 → true, level < 9 → true))'],
    ['!(level > 2) == true', '!(level > 2) == true → false'],
    [
      'level > 5 ? status == "x" || true : office == "Berlin" && true',
      'level > 5 ? status == "x" || true : office == "Berlin" && true → true',
    ],
    [
      'office == "a && b" || office == \'|| (\'',
      '||(office == "a && b" → false, office == \'|| (\' → false)',
    ],
    ['office == r"\\" || level == 3', '||(office == r"\\" → false, level == 3 → true)'],
    ['groups.exists(g, g == "a" && true)', 'groups.exists(g, g == "a" && true) → true'],
    ['office > 5 || level == 3', '||(office > 5 → refused, level == 3 → true)'],
    [
      'level == 3 && // in scope || not\n level > 1',
      '&&(level == 3 → true, // in scope || not\n level > 1 → true)',
    ],
  ])('splits %s', (source, expected) => {
    expect(shown(clausesOf(source, ANN))).toBe(expected);
  });

  it('gives the whole its own value though a part is refused', () => {
    expect(clausesOf('office > 5 || level == 3', ANN)).toMatchObject({ value: true, joinedBy: '||' });
  });

  it('names no value of the record in a refusal', () => {
    expect(JSON.stringify(clausesOf('office > 5 && true', ANN))).not.toContain('Berlin');
  });

  const leaf = fc.constantFrom(
    'a',
    'b',
    'c == "x"',
    'c > 1',
    'has(record.d)',
    'c == "a || b"',
    "c != ') && ('",
    '"x" in e',
    'e.exists(i, i == "x" || i == "y")',
    'true',
  );
  const { tree } = fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      leaf,
      fc
        .array(tie('tree'), { minLength: 2, maxLength: 3 })
        .chain((parts) => fc.constantFrom(' && ', '||', ' ||\n').map((join) => parts.join(join))),
      tie('tree').map((inner) => `(${inner})`),
      tie('tree').map((inner) => `!(${inner})`),
      fc.tuple(tie('tree'), tie('tree'), tie('tree')).map(([test, yes, no]) => `(${test} ? ${yes} : ${no})`),
    ),
  }));
  const record = fc.record({
    a: fc.constantFrom<boolean | null | string>(true, false, null, 'text'),
    b: fc.boolean(),
    c: fc.constantFrom<string | number | null>('x', 'a || b', 2, null),
    d: fc.constantFrom('', 'd'),
    e: fc.subarray(['x', 'y']),
  });

  /** What CEL says of a whole by its parts: one that decides hides the refusal of another. */
  function combined({ joinedBy, parts, value, refusal }: Clause): boolean | 'refused' {
    const own = refusal === undefined && typeof value === 'boolean' ? value : 'refused';
    if (joinedBy === null) return own;
    const values = parts.map(combined);
    if (joinedBy === '!') return values[0] === 'refused' ? 'refused' : !values[0];
    const deciding = joinedBy === '||';
    if (values.includes(deciding)) return deciding;
    return values.includes('refused') ? 'refused' : !deciding;
  }

  it('splits any expression so that its parts make the same whole', () => {
    fc.assert(
      fc.property(tree, record, (source, one) => {
        fc.pre(source.length <= 2_000);
        const clause = clausesOf(source, one);
        const whole = evaluatedFor(source, one);
        expect(clause.value).toEqual(whole.value);
        const own =
          whole.refusal === undefined && typeof whole.value === 'boolean'
            ? whole.value
            : ('refused' as const);
        expect(combined(clause)).toBe(own);
      }),
      { numRuns: 500 },
    );
  });
});
