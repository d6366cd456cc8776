import { describe, expect, it } from 'vitest';
import { warnSeldom } from '../../worker/seldom.ts';

function heard() {
  let now = 0;
  const lines: unknown[] = [];
  const log = { warn: (facts: object, message: string) => void lines.push([message, facts]) };
  const warn = warnSeldom(log as never, () => now);
  return { warn, lines, pass: (ms: number) => (now += ms) };
}

const GONE = { error: 'connect ECONNREFUSED' };

describe('warnSeldom', () => {
  it('tells a fault at once, and the same within a minute not again', () => {
    const { warn, lines, pass } = heard();
    warn(GONE, 'Redis');
    pass(59_999);
    warn(GONE, 'Redis');
    expect(lines).toEqual([['Redis', GONE]]);
  });

  it('tells after a minute that it goes on, and how often it came meanwhile', () => {
    const { warn, lines, pass } = heard();
    for (let i = 0; i < 21; i++) {
      warn(GONE, 'Redis');
      pass(3_000);
    }
    expect(lines).toEqual([
      ['Redis', GONE],
      ['Redis', { ...GONE, repeats: 19 }],
    ]);
  });

  it('keeps other faults apart, and the same fault of another place', () => {
    const { warn, lines } = heard();
    warn(GONE, 'Redis');
    warn(GONE, 'trouble');
    warn({ error: 'READONLY' }, 'Redis');
    expect(lines).toHaveLength(3);
  });
});
