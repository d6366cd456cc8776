import { describe, expect, it } from 'vitest';
import type { Turn } from '../../model/budget.ts';
import { isJobLost } from '../../model/job-lost.ts';
import { lookingAgain, spendFrom } from '../../worker/spending.ts';

/** A turn that was granted so many milliseconds ago. */
function turn(agoMs = 0): Turn {
  return {
    apiKey: `granted ${agoMs} ms ago`,
    grantedAt: performance.now() - agoMs,
    settle: async () => undefined,
  };
}

const granting = () => ({ turn: async () => turn() });

describe('spendFrom', () => {
  it('begins with the turn that it is given', async () => {
    const first = turn();
    expect(await spendFrom(granting(), first).turn()).toBe(first);
  });

  it('gives up a turn that was granted too long ago, however long it has had it', async () => {
    const first = turn(300);
    const spending = spendFrom(granting(), first);
    expect(spending.unused()).toBe(first);
    expect(await spending.turn()).not.toBe(first);
  });

  it('lets nothing be sent for a job that another process has by now', async () => {
    let ours = true;
    const spending = spendFrom(granting(), undefined, async () => ours);
    await spending.turn();
    ours = false;
    const lost = await spending.turn().catch((error: unknown) => error);
    expect(isJobLost(lost)).toBe(true);
    expect(spending.takeCount()).toBe(1);
  });
});

describe('lookingAgain', () => {
  it('looks once the turn has come, before each request', async () => {
    const order: string[] = [];
    const budget = {
      async turn() {
        order.push('turn');
        return turn();
      },
    };
    const looking = lookingAgain(budget, async () => void order.push('look'));
    await looking.turn();
    await looking.turn();
    expect(order).toEqual(['turn', 'look', 'turn', 'look']);
  });

  it('gives no turn where the look throws', async () => {
    const looking = lookingAgain(granting(), () => Promise.reject(new Error('no more')));
    await expect(looking.turn()).rejects.toThrow('no more');
  });
});
