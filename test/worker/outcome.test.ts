import { describe, expect, it } from 'vitest';
import { type ErrorKind, isSyncError, SyncError } from '../../model/errors.ts';
import { consequenceOf, namedError } from '../../worker/outcome.ts';

describe('consequenceOf', () => {
  it.each<[ErrorKind, string]>([
    ['transient', 'retry'],
    ['throttled', 'requeue'],
    ['unknown', 'retry'],
    ['missing', 'retry'],
    ['conflict', 'setAside'],
    ['refused', 'setAside'],
    ['unauthorized', 'requeue'],
    ['incomplete', 'retry'],
    ['unsafe', 'setAside'],
    ['config', 'retry'],
  ])('has for %s: %s', (kind, consequence) => {
    expect(consequenceOf(new SyncError(kind, 'code', 'message'))).toBe(consequence);
  });

  it.each([new TypeError('a bug'), 'thrown text', undefined])('sets aside for a bug', (bug) => {
    expect(consequenceOf(bug)).toBe('setAside');
  });
});

describe('namedError', () => {
  it.each([
    "OOM command not allowed when used memory > 'maxmemory'.",
    'MISCONF Errors writing to the AOF file: No space left on device',
    'READONLY You can’t write against a read only replica.',
    'LOADING Redis is loading the dataset in memory',
  ])('takes Redis’s own %s for something that heals', (message) => {
    const named = namedError(new Error(message));
    expect(isSyncError(named, 'transient') && named.code).toBe('redis.refuses');
    expect(consequenceOf(named)).toBe('retry');
  });

  it('leaves every other error as it is', () => {
    for (const error of [new Error('ERR wrong'), new SyncError('refused', 'a', 'OOM x'), undefined])
      expect(namedError(error)).toBe(error);
  });
});
