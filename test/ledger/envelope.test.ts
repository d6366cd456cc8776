import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEnvelope, type Envelope, PLAIN } from '../../ledger/envelope.ts';
import { isSyncError } from '../../model/errors.ts';

const OLD = 'an-older-key-of-more-than-32-characters-0';
const NEW = 'a-newer-key-of-more-than-32-characters-00';
const KEY = '{omni-sync:acme}:outbox';
const PERSON = { userName: 'ada@acme.example', displayName: 'Ada \n "Ж" 🎉' };

function refusal(work: () => unknown): string {
  try {
    work();
    return 'nothing was refused';
  } catch (error) {
    return isSyncError(error, 'config') ? error.code : String(error);
  }
}

const open = (envelope: Envelope, text: string, key = KEY, field = 'r1') =>
  envelope.at(key).read(text, field);

describe('createEnvelope', () => {
  const envelope = createEnvelope([NEW]);
  const text = envelope.at(KEY).write(PERSON, 'r1');

  it('gives every value back from where it was sealed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), fc.string(), (value, key, field) => {
        const sealed = envelope.at(key);
        expect(JSON.stringify(sealed.read(sealed.write(value, field), field))).toBe(JSON.stringify(value));
      }),
    );
  });

  it('shows nothing of a value, and never seals twice to the same text', () => {
    expect(text).toMatch(/^~1\.[\w-]{8}\.[\w-]+$/);
    expect(Buffer.from(text.split('.')[2] ?? '', 'base64url').toString('latin1')).not.toMatch(
      /ada|acme|userName/,
    );
    expect(envelope.at(KEY).write(PERSON, 'r1')).not.toBe(text);
  });

  it('refuses a value that was moved to another field or key', () => {
    expect(refusal(() => open(envelope, text, KEY, 'r2'))).toBe('ledger.moved');
    expect(refusal(() => open(envelope, text, '{omni-sync:other}:outbox'))).toBe('ledger.moved');
    expect(refusal(() => open(envelope, text, `${KEY}r`, '1'))).toBe('ledger.moved');
  });

  it('refuses a value of which any letter was changed or cut off', () => {
    for (let at = 12; at < text.length; at++) {
      const letter = text[at] === 'A' ? 'B' : 'A';
      const changed = `${text.slice(0, at)}${letter}${text.slice(at + 1)}`;
      const same = Buffer.from(changed.slice(12), 'base64url').equals(
        Buffer.from(text.slice(12), 'base64url'),
      );
      if (!same) expect(refusal(() => open(envelope, changed))).toBe('ledger.moved');
    }
    expect(refusal(() => open(envelope, text.slice(0, -4)))).toBe('ledger.moved');
  });

  it('refuses a value under a key that it does not have, and says which', () => {
    expect(refusal(() => open(createEnvelope([OLD]), text))).toBe('ledger.key');
    expect(refusal(() => open(PLAIN, text))).toBe('ledger.key');
    expect(() => open(PLAIN, text)).toThrow(`under the key ${envelope.sealsWith}`);
  });

  it('seals with the first key and opens with all', () => {
    const both = createEnvelope([OLD, NEW]);
    expect(open(both, text)).toEqual(PERSON);
    const renewed = both.renewed(text, KEY, 'r1');
    expect(open(createEnvelope([OLD]), renewed)).toEqual(PERSON);
    expect(both.renewed(renewed, KEY, 'r1')).toBe(renewed);
    expect([both.opens(envelope.sealsWith ?? ''), PLAIN.opens(envelope.sealsWith ?? '')]).toEqual([
      true,
      false,
    ]);
  });

  it('keeps values plain without a key, and opens those of before with one', () => {
    const plain = PLAIN.at(KEY).write(PERSON, 'r1');
    expect(plain).toBe(JSON.stringify(PERSON));
    expect(open(envelope, plain)).toEqual(PERSON);
    expect(envelope.renewed(plain, KEY, 'r1')).toMatch(/^~1\./);
  });

  it('takes no plain value for a sealed one, whatever an account is called', () => {
    const name = `~1.${'a'.repeat(8)}.${'b'.repeat(60)}`;
    expect(open(PLAIN, PLAIN.at(KEY).write(name, 'r1'))).toBe(name);
  });

  it('makes a value a third longer, and 50 letters', () => {
    for (const bytes of [2, 100, 1000]) {
      const value = 'x'.repeat(bytes - 2);
      const { length } = envelope.at(KEY).write(value, 'r1');
      expect(length).toBe(12 + Math.ceil(((bytes + 28) * 4) / 3));
    }
  });
});
