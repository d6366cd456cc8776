/** What an operator should look at after a read: rejected records, and accounts that nobody has. Nothing is decided by it. */
import type { Redis } from 'ioredis';
import type { Rejection } from '../model/change.ts';
import { PLAIN } from './envelope.ts';
import type { SyncKeys } from './keys.ts';

/** Of each kind so many are kept by name; all are counted. */
const KEPT = 10_000;

/** An account of Omni's; its userName in the form that addresses are compared in. */
export interface UnmatchedAccount {
  readonly omniId: string;
  readonly userName: string;
}

export interface Review {
  /** In the order of the read. */
  rejections(): Promise<Rejection[]>;
  setRejections(rejections: readonly Rejection[]): Promise<void>;
  /** Accounts that nobody in the directory had when Omni was last listed, by userName: never touched. */
  unmatched(): Promise<UnmatchedAccount[]>;
  setUnmatched(accounts: readonly UnmatchedAccount[]): Promise<void>;
}

/** The lists of one sync. */
export function createReview(redis: Redis, keys: SyncKeys, envelope = PLAIN): Review {
  async function replace(key: string, entries: readonly (readonly [string, unknown])[]): Promise<void> {
    const sealed = envelope.at(key);
    const transaction = redis.multi().del(key);
    const rows = entries.map(([field, value]) => [field, sealed.write(value, field)]);
    if (rows.length > 0) transaction.hset(key, ...rows.flat());
    await transaction.exec();
  }
  return {
    async rejections() {
      const all = await redis.hgetall(keys.rejected);
      const sealed = envelope.at(keys.rejected);
      const fields = Object.keys(all).sort((a, b) => Number(a) - Number(b));
      return fields.map((field) => sealed.read(all[field] ?? '', field) as Rejection);
    },
    setRejections: (rejections) =>
      replace(
        keys.rejected,
        rejections.slice(0, KEPT).map((rejection, i) => [String(i), rejection]),
      ),
    async unmatched() {
      const all = await redis.hgetall(keys.unmatched);
      const sealed = envelope.at(keys.unmatched);
      const accounts = Object.entries(all).map(([omniId, text]) => ({
        omniId,
        userName: sealed.read(text, omniId) as string,
      }));
      return accounts.sort((a, b) => (a.userName < b.userName ? -1 : 1));
    },
    setUnmatched: (accounts) =>
      replace(
        keys.unmatched,
        accounts.slice(0, KEPT).map(({ omniId, userName }) => [omniId, userName]),
      ),
  };
}
