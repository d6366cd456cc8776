/**
 * What was asked of a sync: each ask has its own id and stays until a run that began after it has ended, or its person
 * was looked at, so that a reconcile that is killed loses none. Many asks make one reconcile, and many of one person one
 * look; the one that wants most decides for all.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { PersonOutcome } from '../model/asked.ts';
import { PLAIN, type Sealed } from './envelope.ts';
import type { SyncKeys } from './keys.ts';

const DONE_SECONDS = 24 * 3600;

export interface Ask {
  readonly id: string;
  /** Who: `cron`, `cli`, the name of a token. */
  readonly by: string;
  /** Distrust what the links remember. */
  readonly full: boolean;
  /** Who changed is enough, where the directory can tell; left out: everybody is to be read. */
  readonly changes?: true;
}

/** An ask about one person, as somebody calls them: a sourceId, an address or a ref. */
export interface PersonAsk extends Ask {
  readonly person: string;
}

/** What is asked: of a person where one is named, else of everybody. */
export type NewAsk = Omit<Ask, 'id'> & { readonly person?: string };

/** `begun`: somebody works on it. unknown: never asked, long ago, or lost with Redis. */
export type AskState =
  | { readonly kind: 'waiting'; readonly begun: boolean }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'done'; readonly run: string }
  | { readonly kind: 'looked'; readonly person: PersonOutcome };

export interface Asks {
  add(ask: NewAsk): Promise<string>;
  /** Those for a whole reconcile. */
  open(): Promise<Ask[]>;
  /** Those for a person. */
  people(): Promise<PersonAsk[]>;
  /** Notes that these are being worked on. */
  begin(asks: readonly Ask[]): Promise<void>;
  /** Closes asks with the run that did them, or with what came of their person. */
  close(ids: readonly string[], result: string | PersonOutcome): Promise<void>;
  state(id: string): Promise<AskState>;
}

/** As it is kept. */
type Kept = Ask & { readonly person?: string; readonly begun?: true };

/** The asks of one sync. */
export function createAsks(redis: Redis, keys: SyncKeys, envelope = PLAIN): Asks {
  const sealed = envelope.at(keys.asks);
  const kept = (id: string, text: string) => ({ ...(sealed.read(text, id) as Omit<Kept, 'id'>), id });
  async function all(): Promise<Kept[]> {
    const asks = await redis.hgetall(keys.asks);
    return Object.entries(asks).map(([id, text]) => kept(id, text));
  }
  return {
    async add(ask) {
      const id = randomUUID();
      await redis.hset(keys.asks, id, sealed.write(ask, id));
      return id;
    },
    open: async () => (await all()).filter(({ person }) => person === undefined),
    people: async () => (await all()).filter(isPersonAsk),
    async begin(asks) {
      if (asks.length === 0) return;
      const begun = asks.map(({ id, ...ask }) => [id, sealed.write({ ...ask, begun: true }, id)] as const);
      await redis.hset(keys.asks, Object.fromEntries(begun));
    },
    async close(ids, result) {
      if (ids.length === 0) return;
      const transaction = redis.multi().hdel(keys.asks, ...ids);
      for (const id of ids) {
        const key = keys.askDone(id);
        const done = typeof result === 'string' ? result : envelope.at(key).write(result);
        transaction.set(key, done, 'EX', DONE_SECONDS);
      }
      await transaction.exec();
    },
    async state(id) {
      const [[, done] = [], [, open] = []] =
        (await redis.multi().get(keys.askDone(id)).hget(keys.asks, id).exec()) ?? [];
      if (typeof done === 'string') return doneState(done, envelope.at(keys.askDone(id)));
      if (typeof open !== 'string') return { kind: 'unknown' };
      return { kind: 'waiting', begun: kept(id, open).begun === true };
    },
  };
}

function isPersonAsk(ask: Kept): ask is Kept & PersonAsk {
  return ask.person !== undefined;
}

/** A run's id is neither JSON nor sealed. */
function doneState(done: string, sealed: Sealed): AskState {
  if (!/^[{~]/.test(done)) return { kind: 'done', run: done };
  return { kind: 'looked', person: sealed.read(done) as PersonOutcome };
}
