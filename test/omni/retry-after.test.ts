import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../omni/retry-after.ts';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const HOUR = 3_600_000;

function wait(value: string, date?: string): number | undefined {
  return retryAfterMs({ 'retry-after': value, ...(date === undefined ? {} : { date }) }, NOW);
}

describe('retryAfterMs', () => {
  it.each([
    ['7', 7_000],
    ['0', 0],
    ['-5', 0],
    ['1.5', 1_500],
    [' 30 ', 30_000],
    ['86400', HOUR],
    ['9'.repeat(400), HOUR],
    ['Mon, 23 Nov 2026 12:00:09 GMT', 9_000],
    ['Monday, 23-Nov-26 12:00:09 GMT', 9_000],
    ['Mon Nov 23 12:00:09 2026', 9_000],
    ['Mon, 23 Nov 2026 11:00:00 GMT', 0],
    ['Fri, 31 Dec 2099 23:59:59 GMT', HOUR],
    ['', undefined],
    ['soon', undefined],
    ['1 minute', undefined],
    ['foo 1', undefined],
    ['2026-11-23T12:00:09Z', undefined],
    ['Mon, 99 Nov 2026 12:00:09 GMT', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
    ['0x10', undefined],
  ])('reads %j as %j', (value, ms) => expect(wait(value)).toBe(ms));

  it('says nothing where the header is absent', () => expect(retryAfterMs({}, NOW)).toBeUndefined());

  it('counts a date from the answer’s own clock', () => {
    expect(wait('Mon, 23 Nov 2026 09:00:20 GMT', 'Mon, 23 Nov 2026 09:00:00 GMT')).toBe(20_000);
    expect(wait('Mon, 23 Nov 2026 12:00:20 GMT', 'yesterday')).toBe(20_000);
  });

  it('is within an hour or undefined for any text, and for any seconds', () => {
    const texts = fc.oneof(fc.string(), fc.double().map(String), fc.integer().map(String));
    fc.assert(
      fc.property(texts, (value) => {
        const ms = wait(value);
        expect(ms === undefined || (Number.isInteger(ms) && ms >= 0 && ms <= HOUR)).toBe(true);
      }),
    );
    fc.assert(
      fc.property(fc.integer(), (s) => {
        expect(wait(String(s))).toBe(Math.max(0, Math.min(s * 1000, HOUR)));
      }),
    );
  });

  it('reads every date back to its seconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: -4_000, max: 4_000 }), (s) => {
        const until = new Date(NOW + s * 1000).toUTCString();
        expect(wait(until)).toBe(Math.max(0, Math.min(s * 1000, HOUR)));
      }),
    );
  });
});
