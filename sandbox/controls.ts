/** What a test or an operator may do to a running sandbox and read of it; HTTP in front of it is control-api.ts. */
import { z } from 'zod';
import { merged, type StoredValue, shown } from './attributes.ts';
import type { Call } from './calls.ts';
import type { House } from './exchange.ts';
import { type ArmedRule, type FaultRule, faultRule } from './faults.ts';
import type { ShownKey } from './keys.ts';
import { busiestWindow } from './limiter.ts';
import { parsed } from './parse.ts';
import { Problem } from './problem.ts';
import { address, attributeMap } from './schemas.ts';
import { changed, type Settings, type SomeSettings, settingsSchema } from './settings.ts';
import type { Role } from './state.ts';
import type { User } from './users.ts';

/** Checks an account that somebody seeds. */
export const seedUser = z.strictObject({
  userName: address,
  displayName: z.string(),
  /** Default: a new one. */
  id: z.guid().optional(),
  /** Default true. */
  active: z.boolean().optional(),
  /** ISO 8601. Default: now. */
  createdAt: z.iso.datetime({ offset: true }).optional(),
  attributes: attributeMap.optional(),
  /** An embed user instead of a user. Default false. */
  embed: z.boolean().optional(),
});

/** An account that is there without having been posted. */
type SeedUser = z.infer<typeof seedUser>;

/** An account as the state shows it. */
interface UserDump {
  readonly id: string;
  readonly userName: string;
  readonly displayName: string;
  readonly active: boolean;
  readonly attributes: Readonly<Record<string, StoredValue>>;
  readonly createdAt: string;
  readonly modifiedAt: string;
}

interface GroupDump {
  readonly id: string;
  readonly displayName: string;
  readonly members: readonly string[];
}

/** What the call log says of a key; `busiestWindow` counts its refused calls too. */
interface KeyDump extends ShownKey {
  readonly calls: number;
  readonly throttled: number;
  readonly busiestWindow: number;
}

interface StateDump {
  readonly settings: Settings;
  /** Active and deactivated, oldest first. */
  readonly users: readonly UserDump[];
  /** Deleted ones, and those that a new account took the place of. */
  readonly deleted: readonly UserDump[];
  readonly embedUsers: readonly UserDump[];
  readonly groups: readonly GroupDump[];
  /** By the id of the user or group that they were given to. */
  readonly roles: Readonly<Record<string, readonly Role[]>>;
  readonly keys: readonly KeyDump[];
  readonly faults: readonly ArmedRule[];
}

export interface Controls {
  state(): StateDump;
  /** The call log, after sequence number `since` where given. */
  calls(since?: number): Call[];
  clearCalls(): void;
  /** Adds a rule after those in force. @throws Problem 400 */
  fault(rule: FaultRule): void;
  clearFaults(): void;
  /** Changes some settings. @throws Problem 400 */
  set(settings: SomeSettings): void;
  /** Adds accounts, all or none; returns their ids in order. @throws Problem 400, or 409 for an address twice */
  seed(users: readonly SeedUser[]): string[];
  /** Lets a key in; returns its name. */
  addKey(key: string): string;
  /** Revokes a key, given itself or by name. @throws Problem 404 */
  revokeKey(keyOrName: string): void;
}

/** The controls of one sandbox. */
export function controlsOf(house: House): Controls {
  const { state, keys, calls, faults } = house;
  return {
    state: () => dump(house),
    calls: (since) => calls.list(since),
    clearCalls: () => calls.clear(),
    fault: (rule) => faults.add(parsed(faultRule, rule)),
    clearFaults: () => faults.clear(),
    set(given) {
      state.settings = changed(state.settings, parsed(settingsSchema, given));
    },
    seed: (users) => seeded(house, parsed(z.array(seedUser), users)),
    addKey: (key) => keys.add(key),
    revokeKey: (key) => keys.revoke(key),
  };
}

function seeded({ state }: House, seeds: readonly SeedUser[]): string[] {
  const taken = new Set<string>();
  seeds.forEach(({ userName, embed }, index) => {
    const users = embed ? state.embedUsers : state.users;
    const key = `${embed === true} ${userName.toLowerCase()}`;
    if (taken.has(key) || users.find(userName) !== undefined)
      throw new Problem(409, `[${index}].userName: there is an account with this address`);
    taken.add(key);
  });
  const ready = seeds.map((seed) => ({
    users: seed.embed ? state.embedUsers : state.users,
    user: newUser(state.settings, seed),
  }));
  return ready.map(({ users, user }) => users.add(user).id);
}

function newUser(settings: Settings, seed: SeedUser) {
  const { userName, displayName, active = true, id, createdAt } = seed;
  return {
    userName,
    displayName,
    active,
    attributes: merged(settings, new Map(), seed.attributes),
    ...(id === undefined ? {} : { id }),
    ...(createdAt === undefined ? {} : { createdAt: Date.parse(createdAt) }),
  };
}

function dump(house: House): StateDump {
  const { state } = house;
  const show = (user: User) => shownUser(state.settings, user);
  return {
    settings: state.settings,
    users: state.users.list().map(show),
    deleted: state.users.deleted().map(show),
    embedUsers: state.embedUsers.list().map(show),
    groups: [...state.groups.values()].map(({ id, displayName, members }) => {
      return { id, displayName, members: [...members] };
    }),
    roles: Object.fromEntries(state.roles),
    keys: house.keys.list().map((key) => shownKey(house, key)),
    faults: house.faults.list(),
  };
}

function shownUser(settings: Settings, user: User): UserDump {
  const { id, userName, displayName, active } = user;
  const createdAt = new Date(user.createdAt).toISOString();
  const modifiedAt = new Date(user.modifiedAt).toISOString();
  const attributes = shown(settings, user.attributes);
  return { id, userName, displayName, active, attributes, createdAt, modifiedAt };
}

function shownKey({ calls, state }: House, key: ShownKey): KeyDump {
  const own = calls.list().filter((call) => call.key === key.name);
  const times = own.map((call) => call.at);
  return {
    ...key,
    calls: own.length,
    throttled: own.filter((call) => call.status === 429).length,
    busiestWindow: busiestWindow(times, state.settings.windowMs),
  };
}
