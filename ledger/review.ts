/** What an operator should look at after a read: rejected records, and accounts that nobody has. Nothing is decided by it. */
import type { Redis } from 'ioredis';
import type { Rejection } from '../model/change.ts';
import type { SyncKeys } from './keys.ts';

/** Of each kind so many are kept by name; all are counted. */
const KEPT = 10_000;

/** An account of Omni's; its userName in the form that addresses are compared in. */
export interface UnmatchedAccount {
  readonly omniId: string;
  readonly userName: string;
}

export interface Review {
  rejections(): Promise<Rejection[]>;
  setRejections(rejections: readonly Rejection[]): Promise<void>;
  /** Accounts that nobody in the directory had when Omni was last listed: never touched. */
  unmatched(): Promise<UnmatchedAccount[]>;
  setUnmatched(accounts: readonly UnmatchedAccount[]): Promise<void>;
}

/** The lists of one sync. */
export function createReview(redis: Redis, keys: SyncKeys): Review {
  async function replace(key: string, entries: readonly (readonly [string, string])[]): Promise<void> {
    const transaction = redis.multi().del(key);
    if (entries.length > 0) transaction.hset(key, ...entries.slice(0, KEPT).flat());
    await transaction.exec();
  }
  return {
    async rejections() {
      const all = await redis.hvals(keys.rejected);
      return all.map((json) => JSON.parse(json) as Rejection);
    },
    setRejections: (rejections) =>
      replace(
        keys.rejected,
        rejections.slice(0, KEPT).map((rejection, i) => [String(i), JSON.stringify(rejection)]),
      ),
    async unmatched() {
      const all = await redis.hgetall(keys.unmatched);
      return Object.entries(all).map(([omniId, userName]) => ({ omniId, userName }));
    },
    setUnmatched: (accounts) =>
      replace(
        keys.unmatched,
        accounts.slice(0, KEPT).map(({ omniId, userName }) => [omniId, userName]),
      ),
  };
}
