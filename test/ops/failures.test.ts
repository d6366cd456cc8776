import { describe, expect, it } from 'vitest';
import { createFailures } from '../../ops/failures.ts';

describe('createFailures', () => {
  it('lets ten through at once, then one in six seconds', () => {
    const failures = createFailures();
    for (let i = 0; i < 10; i++) {
      expect(failures.waitFor('10.0.0.1', 0)).toBe(0);
      failures.add('10.0.0.1', 0);
    }
    expect(failures.waitFor('10.0.0.1', 0)).toBe(6_000);
    expect(failures.waitFor('10.0.0.1', 6_000)).toBe(0);
    failures.add('10.0.0.1', 6_000);
    expect(failures.waitFor('10.0.0.1', 6_000)).toBe(6_000);
    expect(failures.waitFor('10.0.0.1', 60_000)).toBe(0);
    expect(failures.waitFor('10.0.0.2', 0)).toBe(0);
  });

  it('counts an IPv6 network as one address, and IPv4 within IPv6 as what it is', () => {
    const failures = createFailures();
    for (let i = 0; i < 10; i++) failures.add(`2001:db8::1:${i}`, 0);
    expect(failures.waitFor('2001:db8:0:0:ffff::1', 0)).toBe(6_000);
    expect(failures.waitFor('2001:db8:0:1::1', 0)).toBe(0);
    for (let i = 0; i < 10; i++) failures.add('::ffff:10.0.0.1', 0);
    expect(failures.waitFor('10.0.0.1', 0)).toBe(6_000);
    expect(failures.waitFor('::ffff:10.0.0.2', 0)).toBe(0);
  });

  it('remembers no more addresses than it has room for', () => {
    const failures = createFailures();
    for (let i = 0; i < 10; i++) failures.add('10.0.0.1', 0);
    for (let i = 0; i < 10_000; i++) failures.add(`10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`, 0);
    expect(failures.waitFor('10.0.0.1', 0)).toBe(0);
  });
});
