import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AttributeValue, addressKey, type DesiredUser } from '../../model/person.ts';
import { compileFingerprint, confirmDigest, confirmedOf } from '../../plan/fingerprint.ts';

const ANN: DesiredUser = {
  sourceId: 'E-1',
  userName: 'ann@acme.example',
  displayName: 'Ann Lee',
  attributes: { region: 'Berlin', team: null },
};
const NAMES = ['region', 'team'];
const fingerprint = compileFingerprint({ attributeNames: NAMES, updates: true });

describe('compileFingerprint', () => {
  it('is eight bytes that stay the same from one version of the program to the next', () => {
    expect(fingerprint(ANN, false).toString('hex')).toBe('79d67b8e6c2902f3');
    expect(fingerprint(ANN, false)).toHaveLength(8);
  });

  it.each<[string, DesiredUser]>([
    ['the id', { ...ANN, sourceId: 'E-2' }],
    ['the address', { ...ANN, userName: 'Ann@acme.example' }],
    ['the name', { ...ANN, displayName: 'Ann L' }],
    ['an attribute', { ...ANN, attributes: { ...ANN.attributes, region: 'Rome' } }],
    ['an attribute that is kept, not cleared', { ...ANN, attributes: { region: 'Berlin' } }],
    ['two attributes, swapped', { ...ANN, attributes: { region: null, team: 'Berlin' } }],
    ['a list, not its text', { ...ANN, attributes: { region: ['Berlin'], team: null } }],
    ['text moved over a border', { ...ANN, userName: 'ann@acme.exampleAnn', displayName: ' Lee' }],
  ])('differs for %s', (_, other) => {
    expect(fingerprint(other, false)).not.toEqual(fingerprint(ANN, false));
  });

  it('differs by protection, policy and attribute names', () => {
    const others = [
      fingerprint(ANN, true),
      compileFingerprint({ attributeNames: NAMES, updates: false })(ANN, false),
      compileFingerprint({ attributeNames: ['region', 'unit'], updates: true })(ANN, false),
      compileFingerprint({ attributeNames: ['region'], updates: true })(ANN, false),
    ];
    const all = [fingerprint(ANN, false), ...others].map((hash) => hash.toString('hex'));
    expect(new Set(all).size).toBe(5);
  });

  it('does not depend on the order in which attributes were set', () => {
    const { region, team } = ANN.attributes;
    const turned: DesiredUser = { ...ANN, attributes: { team: team ?? null, region: region ?? null } };
    expect(fingerprint(turned, false)).toEqual(fingerprint(ANN, false));
  });

  it('is equal where the desired users are equal, and nowhere else', () => {
    fc.assert(
      fc.property(anyUser(), anyUser(), fc.boolean(), fc.boolean(), (left, right, one, other) => {
        const isEqual = fc.stringify([left, one]) === fc.stringify([right, other]);
        expect(fingerprint(left, one).equals(fingerprint(right, other))).toBe(isEqual);
        expect(fingerprint(left, one).equals(fingerprint(structuredClone(left), one))).toBe(true);
      }),
      { numRuns: 10_000 },
    );
  });
});

/** Few values of each kind, so that two users are often equal. */
function anyUser(): fc.Arbitrary<DesiredUser> {
  const text = fc.constantFrom('a', 'b', '', '"', 'a","b', '\u0000', 'é', 'e\u0301', '5', 'null', 'false');
  const value: fc.Arbitrary<AttributeValue> = fc.oneof(
    text,
    fc.constantFrom(5, 0, null),
    fc.array(text, { maxLength: 2 }),
    fc.array(fc.constantFrom(5, 0), { maxLength: 2 }),
  );
  const maybe = fc.option(value, { nil: undefined });
  return fc
    .record({ sourceId: text, userName: text, displayName: text, region: maybe, team: maybe })
    .map((parts) => {
      const { sourceId, userName, displayName, region, team } = parts;
      const attributes = { ...(region !== undefined && { region }), ...(team !== undefined && { team }) };
      return { sourceId, userName, displayName, attributes };
    });
}

describe('confirmDigest', () => {
  it('is five latin1 characters', () => {
    expect(confirmDigest('displayName', 'Ann')).toHaveLength(5);
    expect(Buffer.from(confirmDigest('displayName', 'Ann'), 'latin1')).toHaveLength(5);
  });

  it.each<[string, string, AttributeValue, AttributeValue]>([
    ['a number and its text', '@level', 5, '5'],
    ['numbers and their texts', '@levels', [1, 2], ['1', '2']],
    ['NFC and NFD', 'displayName', 'Re\u0301mi', 'R\u00e9mi'],
    ['NFC and NFD in a list', '@names', ['Re\u0301mi'], ['R\u00e9mi']],
    ['a list in another order', '@names', ['x', 'y'], ['y', 'x']],
    ['nothing and an empty text', '@a', null, ''],
    ['nothing and an empty list', '@a', null, []],
    ['a list with and without an empty text', '@a', ['x', ''], ['x']],
    ['an address in either case', 'userName', 'Ann@Acme.example', 'ann@acme.example'],
  ])('is one for %s', (_, field, left, right) => {
    expect(confirmDigest(field, left)).toBe(confirmDigest(field, right));
  });

  it('is one for every way in which a text is composed, and in lists too', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('displayName', '@region'), (text, field) => {
        const forms = [text, text.normalize('NFC'), text.normalize('NFD')];
        const digests = forms.map((form) => confirmDigest(field, form));
        const lists = forms.map((form) => confirmDigest(field, [form, 'x']));
        return new Set(digests).size === 1 && new Set(lists).size === 1;
      }),
    );
  });

  it('of a userName is one exactly where the address is one', () => {
    const address = fc.string({ unit: fc.constantFrom(...'aAéÉe\u0301ıIİißςσΣ'), maxLength: 3 });
    fc.assert(
      fc.property(address, address, (left, right) => {
        const same = confirmDigest('userName', left) === confirmDigest('userName', right);
        return same === (addressKey(left) === addressKey(right));
      }),
    );
  });

  it('differs for everything else', () => {
    const digests = [
      confirmDigest('displayName', 'a'),
      confirmDigest('displayName', 'A'),
      confirmDigest('userName', 'a'),
      confirmDigest('@displayName', 'a'),
      confirmDigest('@a', null),
      confirmDigest('@a', 'null'),
      confirmDigest('@a', 'x'),
      confirmDigest('@a', ['x']),
      confirmDigest('@a', ['x', 'y']),
      confirmDigest('@a', ['x,y']),
      confirmDigest('@a","x', 'x'),
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });
});

describe('confirmedOf', () => {
  it('digests each field that the desired user names, cleared ones too', () => {
    expect(confirmedOf(ANN)).toEqual([
      confirmDigest('userName', 'ann@acme.example'),
      confirmDigest('displayName', 'Ann Lee'),
      confirmDigest('@region', 'Berlin'),
      confirmDigest('@team', null),
    ]);
  });
});
