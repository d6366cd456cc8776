import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressKey } from '../../model/person.ts';

/** Any text that an encoding can carry. */
const text = fc.string({ unit: 'binary', maxLength: 12 });
const letters = fc.string({ unit: fc.constantFrom(...'aAéÉe\u0301ıIİißẞςσΣǅﬁⅫÅÅ한가\u200b'), maxLength: 8 });
const anyText = fc.oneof(text, letters);

describe('addressKey', () => {
  it('is its own key', () => {
    fc.assert(fc.property(anyText, (address) => addressKey(addressKey(address)) === addressKey(address)));
  });

  it('is one for the composed and the decomposed form', () => {
    fc.assert(
      fc.property(anyText, (address) => {
        const keys = [address, address.normalize('NFC'), address.normalize('NFD')].map(addressKey);
        return new Set(keys).size === 1;
      }),
    );
  });

  it('is one for both cases of every letter that has just two', () => {
    fc.assert(
      fc.property(anyText, (address) => {
        const paired = [...address]
          .filter((one) => one.toUpperCase().toLowerCase() === one.toLowerCase())
          .join('');
        return addressKey(paired.toUpperCase().toLowerCase()) === addressKey(paired.toLowerCase());
      }),
    );
  });

  it.each([
    ['NFC and NFD', 'r\u00e9mi@acme.example', 're\u0301mi@acme.example', true],
    ['either case', 'Ann.Lee@ACME.example', 'ann.lee@acme.example', true],
    ['either case beyond ASCII', 'ÉMILE@acme.example', 'émile@acme.example', true],
    ['a sigma by its place', 'ΝΙΚΟΣ@acme.example', 'νικος@acme.example', true],
    ['the Kelvin sign', '\u212aim@acme.example', 'kim@acme.example', true],
    ['spaces around', ' ann@acme.example\n', 'ann@acme.example', true],
    ['a dotted capital I', 'İrem@acme.example', 'irem@acme.example', false],
    ['a dotless i', 'ırem@acme.example', 'irem@acme.example', false],
    ['sharp s', 'strauß@acme.example', 'strauss@acme.example', false],
    ['a letter of another script', '\u0430nn@acme.example', 'ann@acme.example', false],
  ])('of %s is one or not, as they are one mailbox or not', (_, left, right, same) => {
    expect(addressKey(left) === addressKey(right)).toBe(same);
  });
});
