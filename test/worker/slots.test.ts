import { describe, expect, it } from 'vitest';
import { countSlots } from '../../worker/slots.ts';

describe('countSlots', () => {
  it('counts slots that pass, and begins anew when it happens', () => {
    const slots = countSlots();
    const past = new Date(Date.now() - 1);
    const future = new Date(Date.now() + 60_000);
    slots.look(false, past);
    expect(slots.missed()).toBe(0);
    slots.look(false, past);
    slots.look(false, future);
    expect(slots.missed()).toBe(2);
    slots.look(false, undefined);
    slots.look(false, undefined);
    expect(slots.missed()).toBe(2);
    slots.look(true, past);
    expect(slots.missed()).toBe(0);
    expect(slots.sinceMs()).toBeLessThan(60_000);
  });
});
