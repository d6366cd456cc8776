import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allowedBy, judgeLoop, judgeSync, type SyncSigns } from '../../plan/health.ts';

describe('judgeLoop', () => {
  const LONG = 21_000;
  it.each([
    ['an idle loop', { owedMs: 900, redisUpMs: LONG, curedMs: undefined }, 'ok'],
    ['a loop that is owed for long', { owedMs: LONG, redisUpMs: LONG, curedMs: undefined }, 'wedged'],
    ['a loop whose Redis has just come back', { owedMs: LONG, redisUpMs: 3_000, curedMs: undefined }, 'ok'],
    ['one that was cured long ago', { owedMs: LONG, redisUpMs: LONG, curedMs: 61_000 }, 'wedged'],
    ['one that was cured in vain', { owedMs: LONG, redisUpMs: LONG, curedMs: LONG }, 'hopeless'],
  ] as const)('judges %s', (_, signs, verdict) => {
    expect(judgeLoop(signs)).toBe(verdict);
  });

  it('ends no process before the loop was begun anew', () => {
    const ms = fc.nat(1_000_000);
    fc.assert(
      fc.property(ms, ms, (owedMs, redisUpMs) => {
        expect(judgeLoop({ owedMs, redisUpMs, curedMs: undefined })).not.toBe('hopeless');
      }),
    );
  });
});

describe('allowedBy', () => {
  it.each([
    ['noeviction', 0.2, 'all'],
    [undefined, 0, 'all'],
    ['noeviction', 0.7, 'drain'],
    ['noeviction', 1.1, 'drain'],
    ['allkeys-lru', 0.1, 'nothing'],
    ['volatile-ttl', 0.9, 'nothing'],
  ] as const)('of %s at %d allows %s', (policy, memoryRatio, allowed) => {
    expect(allowedBy({ policy, memoryRatio })).toBe(allowed);
  });
});

describe('judgeSync', () => {
  const well: SyncSigns = {
    roleAgesMs: { scheduler: 4_000, worker: 6_000 },
    slotsUnread: 1,
    slotsUnmoved: 0,
    unreadMs: 900_000,
    unmovedMs: 900_000,
    waiting: 5,
    halted: false,
    paused: false,
  };

  it.each([
    ['nothing of a sync that works', {}, []],
    ['nothing of roles that never were there', { roleAgesMs: {} }, []],
    ['a worker without a sign of life', { roleAgesMs: { worker: 31_000 } }, ['silence.worker']],
    ['a scheduler without a sign of life', { roleAgesMs: { scheduler: 31_000 } }, ['silence.scheduler']],
    ['reads that do not end', { slotsUnread: 3 }, ['silence.read']],
    ['nothing of slots that pass in seconds', { slotsUnread: 3, unreadMs: 15_000 }, []],
    ['people who wait while nobody is carried out', { slotsUnmoved: 3 }, ['silence.apply']],
    ['nothing where nobody waits', { slotsUnmoved: 3, waiting: 0 }, []],
    ['nothing of what an operator has paused', { slotsUnmoved: 3, paused: true }, []],
    ['a halted target, once', { slotsUnmoved: 3, halted: true }, ['halted']],
  ] as const)('says %s', (_, change, codes) => {
    expect(judgeSync({ ...well, ...change })).toEqual(codes);
  });
});
