import { describe, expect, it } from 'vitest';
import { standstillChanges } from '../../worker/standstill.ts';

const ON = { paused: false, halted: false, unreachable: false };

describe('standstillChanges', () => {
  it('tells at the first look what stands, and nothing of what does not', () => {
    expect(standstillChanges(ON, undefined)).toEqual([]);
    expect(standstillChanges({ ...ON, paused: true, halted: true }, undefined)).toEqual([
      { by: 'paused', over: false },
      { by: 'halted', over: false },
    ]);
  });

  it('tells each beginning and each end once', () => {
    const away = { ...ON, unreachable: true };
    expect(standstillChanges(away, ON)).toEqual([{ by: 'unreachable', over: false }]);
    expect(standstillChanges(away, away)).toEqual([]);
    expect(standstillChanges(ON, away)).toEqual([{ by: 'unreachable', over: true }]);
  });
});
