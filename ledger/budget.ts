/**
 * The requests a minute that each API key of an Omni host may make, shared by every process through Redis: a
 * slot at a time (GCRA, burst 1), so that no sliding window ever holds more than the limit. Never reserves a slot
 * ahead: a killed process loses the one that it holds. Never puts an API key into Redis, only a short hash of it.
 */
import type { Redis } from 'ioredis';
import type { Budget, Turn } from '../model/budget.ts';
import { SyncError } from '../model/errors.ts';
import {
  type BudgetSnapshot,
  type Grant,
  keyId,
  paceOf,
  readStandings,
  settleTurn,
  takeTurn,
} from './budget-clocks.ts';
import { abortable, createLine, nap } from './budget-line.ts';

export interface BudgetOptions {
  readonly redis: Redis;
  /** Omni's host name: its budget is apart from every other host's. */
  readonly host: string;
  /** The API keys as they are now; asked again before each slot, so that a changed key is used at once. */
  readonly keys: () => readonly string[];
  /** For each key. */
  readonly requestsPerMinute: number;
  /** The length of "a minute" in milliseconds, 60,000 unless a test scales time. Backoffs scale with it. */
  readonly windowMs?: number;
}

/** A host's budget, as workers and status use it. */
export interface HostBudget extends Budget {
  snapshot(): Promise<BudgetSnapshot>;
  /** An operator says go: forgets the refusals of the keys and the host's failures. */
  resume(): Promise<void>;
}

/** A waiter looks again at least this often: a key may change, or the operator say go, during an hour's pause. */
const LONGEST_NAP_MS = 2_000;

/** Joins the budget of a host; every process that names the same host and key shares its slots. */
export function createBudget(options: BudgetOptions): HostBudget {
  const { redis, host } = options;
  const pace = paceOf(options.requestsPerMinute, options.windowMs ?? 60_000);
  const hostName = `{omni-budget:${host}}:host`;
  const clockName = (apiKey: string) => `{omni-budget:${host}}:key:${keyId(apiKey)}`;
  const namesOf = (apiKeys: readonly string[]) => [hostName, ...apiKeys.map(clockName)];
  const inLine = createLine();

  async function claim(signal?: AbortSignal): Promise<Turn> {
    for (;;) {
      signal?.throwIfAborted();
      const apiKeys = [...options.keys()];
      const answer = await abortable(takeTurn(redis, namesOf(apiKeys), pace), signal);
      if (answer.kind === 'refused') throw halted(host, apiKeys.length);
      if (answer.kind === 'turn') return turnWith(apiKeys, answer);
      await nap(Math.min(answer.ms, LONGEST_NAP_MS), signal);
    }
  }

  function turnWith(apiKeys: readonly string[], grant: Grant): Turn {
    const apiKey = apiKeys[grant.index];
    if (apiKey === undefined) throw new Error(`the budget granted key ${grant.index} of ${apiKeys.length}`);
    return {
      apiKey,
      grantedAt: performance.now(),
      async settle(verdict) {
        if (verdict.kind === 'answered' && !grant.dirty) return;
        await settleTurn(redis, [hostName, clockName(apiKey)], { verdict, grant, pace });
      },
    };
  }

  return {
    turn: (signal) => inLine(() => claim(signal), signal),
    snapshot() {
      const apiKeys = options.keys();
      return readStandings(redis, namesOf(apiKeys), apiKeys.map(keyId));
    },
    async resume() {
      const forget = redis.multi().del(hostName);
      for (const name of options.keys().map(clockName))
        forget.hdel(name, 'refusals', 'refusedSince', 'probe');
      await forget.exec();
    },
  };
}

function halted(host: string, keys: number): SyncError {
  return new SyncError(
    'unauthorized',
    'target.halted',
    `Calling ${host}: it refused ${keys === 1 ? 'the API key' : `each of the ${keys} API keys`} three times in a ` +
      'row (401 or 403), so no more calls are made; what waits is kept. Expected an organization API key that is ' +
      'still valid. Replace the key, and it goes on by itself; or, if the key is right, run `omni-sync resume`.',
  );
}
