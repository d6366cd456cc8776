/**
 * How far each audit chain has come, noted in Redis with every durable record, and within a second of any other: what is
 * cut from the end of a file, or taken away with it, is missed by who knows the head.
 */
import type { Redis } from 'ioredis';
import type { Head } from './audit-chain.ts';
import { AUDIT_HEADS_KEY } from './keys.ts';

/** The head of a chain, and where the chain lies. */
export interface PlacedHead extends Head {
  readonly host: string;
  readonly folder: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface AuditHeads {
  get(trail: string): Promise<Head | undefined>;
  all(): Promise<PlacedHead[]>;
  /** Notes a head, unless a later one is noted already. */
  note(head: PlacedHead): Promise<void>;
  /** Forgets a chain. */
  forget(trail: string): Promise<void>;
}

/** Several processes append to one chain, and their notes may come in another order. */
const NOTE = `
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and cjson.decode(known).seq >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
`;

interface NotingRedis extends Redis {
  noteAuditHead(key: string, trail: string, seq: number, head: string): Promise<number>;
}

/** The heads of every chain whose processes use this Redis. */
export function createAuditHeads(given: Redis): AuditHeads {
  given.defineCommand('noteAuditHead', { numberOfKeys: 1, lua: NOTE });
  const redis = given as NotingRedis;
  return {
    async get(trail) {
      const json = await redis.hget(AUDIT_HEADS_KEY, trail);
      return json === null ? undefined : (JSON.parse(json) as PlacedHead);
    },
    async all() {
      const all = await redis.hvals(AUDIT_HEADS_KEY);
      return all.map((json) => JSON.parse(json) as PlacedHead);
    },
    note: async (head) =>
      void (await redis.noteAuditHead(AUDIT_HEADS_KEY, head.trail, head.seq, JSON.stringify(head))),
    forget: async (trail) => void (await redis.hdel(AUDIT_HEADS_KEY, trail)),
  };
}
