/** Omni's attribute definitions as last read: read before a write, and at most once a day. */
import type { Redis } from 'ioredis';
import type { SyncKeys } from './keys.ts';

const DAY_MS = 24 * 3600 * 1000;

/** A user attribute as Omni defines it; plan/usable.ts says what the fields mean. */
export interface StoredDefinition {
  readonly name: string;
  readonly type: string;
  readonly multiple: boolean;
  readonly system: boolean;
}

export interface Definitions {
  /** As last read, however long ago; nothing where they never were. */
  known(): Promise<readonly StoredDefinition[] | undefined>;
  /** Whether they were read within the last day, by Redis's clock. */
  fresh(): Promise<boolean>;
  /** Notes that they were read now; nothing where Omni does not show them. */
  write(definitions: readonly StoredDefinition[] | undefined): Promise<void>;
}

/** The definitions of one sync's Omni. */
export function createDefinitions(redis: Redis, keys: SyncKeys): Definitions {
  return {
    async known() {
      const json = await redis.get(keys.definitions);
      return json === null ? undefined : (JSON.parse(json) as StoredDefinition[]);
    },
    fresh: async () => (await redis.exists(keys.definitionsFresh)) === 1,
    async write(definitions) {
      const read = redis.multi().set(keys.definitionsFresh, '1', 'PX', DAY_MS);
      if (definitions === undefined) read.del(keys.definitions);
      else read.set(keys.definitions, JSON.stringify(definitions));
      await read.exec();
    },
  };
}
