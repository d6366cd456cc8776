/**
 * Changes that wait for an operator's word, and the words. A word is for one claim alone: this person, this account, this
 * address; it stays until the link is made or the word is taken back.
 */
import type { HeldAnswer, HeldChange, HeldClaim } from '../model/held.ts';
import { addressKey } from '../model/person.ts';
import { PLAIN } from './envelope.ts';
import type { SyncKeys } from './keys.ts';
import { batches } from './links.ts';
import { scan } from './outbox.ts';
import type { ScriptedRedis } from './scripts.ts';

/** A held change with the ref of its person, and the word on it where there is one. */
export interface StoredHeld extends HeldChange {
  readonly ref: string;
  readonly answer?: HeldAnswer;
}

/** A word, with whose it is. */
export interface StoredAnswer extends HeldClaim {
  readonly answer: HeldAnswer;
}

export interface Held {
  all(): Promise<StoredHeld[]>;
  /** How many are held, answered or not. */
  size(): Promise<number>;
  /** Remembers these, in place of what was remembered of their people. */
  put(changes: readonly (HeldChange & { readonly ref: string })[]): Promise<void>;
  forget(refs: readonly string[]): Promise<void>;
  /** By ref. */
  answers(): Promise<Map<string, StoredAnswer>>;
  /** The word on this claim. */
  answerTo(ref: string, claim: HeldClaim): Promise<HeldAnswer | undefined>;
  answer(changes: readonly StoredHeld[], answer: HeldAnswer): Promise<void>;
  /** Takes words back, or forgets those that were used. */
  unanswer(refs: readonly string[]): Promise<void>;
}

const AT_ONCE = 500;

/** What is held of one sync. */
export function createHeld(redis: ScriptedRedis, keys: SyncKeys, envelope = PLAIN): Held {
  const words = envelope.at(keys.answers);
  const wordOf = (ref: string, text: string) => words.read(text, ref) as StoredAnswer;
  async function answers(): Promise<Map<string, StoredAnswer>> {
    const all = await redis.hgetall(keys.answers);
    return new Map(Object.entries(all).map(([ref, text]) => [ref, wordOf(ref, text)]));
  }
  async function write(key: string, entries: readonly (readonly [string, unknown])[]): Promise<void> {
    const sealed = envelope.at(key);
    for (const batch of batches(entries, AT_ONCE)) {
      await redis.hset(key, ...batch.flatMap(([ref, value]) => [ref, sealed.write(value, ref)]));
    }
  }
  async function remove(key: string, refs: readonly string[]): Promise<void> {
    for (const batch of batches(refs, AT_ONCE)) await redis.hdel(key, ...batch);
  }
  return {
    answers,
    async all() {
      const given = await answers();
      const sealed = envelope.at(keys.held);
      const found = new Map<string, StoredHeld>();
      for await (const page of scan(redis, keys.held)) {
        for (const [ref, text] of page) {
          found.set(ref, withAnswer(ref, sealed.read(text, ref) as HeldChange, given.get(ref)));
        }
      }
      return [...found.values()];
    },
    size: () => redis.hlen(keys.held),
    put: (changes) =>
      write(
        keys.held,
        changes.map(({ ref, ...change }) => [ref, change]),
      ),
    forget: (refs) => remove(keys.held, refs),
    async answerTo(ref, claim) {
      const text = await redis.hget(keys.answers, ref);
      return answerTo(text === null ? undefined : wordOf(ref, text), claim);
    },
    answer: (changes, answer) =>
      write(
        keys.answers,
        changes.map(({ ref, sourceId, what, omniId, userName, from }) => {
          return [ref, { sourceId, what, omniId, userName, ...(from !== undefined && { from }), answer }];
        }),
      ),
    unanswer: (refs) => remove(keys.answers, refs),
  };
}

function withAnswer(ref: string, change: HeldChange, word: StoredAnswer | undefined): StoredHeld {
  const answer = answerTo(word, change);
  return { ...change, ref, ...(answer !== undefined && { answer }) };
}

/** What a word says of this claim: nothing where it was given for another. */
export function answerTo(word: StoredAnswer | undefined, claim: HeldClaim): HeldAnswer | undefined {
  const same =
    word?.what === claim.what &&
    word.sourceId === claim.sourceId &&
    word.omniId === claim.omniId &&
    word.from === claim.from &&
    addressKey(word.userName) === addressKey(claim.userName);
  return same ? word.answer : undefined;
}
