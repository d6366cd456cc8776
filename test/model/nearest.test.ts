import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest } from '../../model/nearest.ts';

describe('nearest', () => {
  it.each([
    ['apikey', 'apiKey'],
    ['apiKeey', 'apiKey'],
    ['shedule', 'schedule'],
    ['requestPerMinute', 'requestsPerMinute'],
    ['polcy', 'policy'],
    ['zzzzzz', undefined],
    ['', undefined],
  ])('%j means %j', (given, meant) => {
    expect(nearest(given, ['apiKey', 'apiKeys', 'schedule', 'requestsPerMinute', 'policy'])).toBe(meant);
  });

  it('finds every word itself, and any word of five letters with one letter changed, lost or added', () => {
    const word = fc.stringMatching(/^[a-z]{5,12}$/);
    fc.assert(
      fc.property(word, fc.nat(11), fc.constantFrom('', '#', '##'), (known, place, put) => {
        const at = place % known.length;
        expect(nearest(known, ['~~~~~~~~', known])).toBe(known);
        const changed =
          put === '##'
            ? `${known.slice(0, at)}#${known.slice(at)}`
            : known.slice(0, at) + put + known.slice(at + 1);
        expect(nearest(changed, ['~~~~~~~~', known])).toBe(known);
      }),
    );
  });
});
