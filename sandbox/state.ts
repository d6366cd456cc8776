/** All that the sandbox holds of one Omni: accounts, groups, roles and how it is set to behave. */
import { randomBytes } from 'node:crypto';
import { DEFAULTS, type Settings } from './settings.ts';
import { Users } from './users.ts';

export interface Group {
  /** Eight characters, `-` and `_` among them. */
  readonly id: string;
  readonly displayName: string;
  readonly members: ReadonlySet<string>;
  readonly createdAt: number;
  readonly modifiedAt: number;
}

/** A role that was given to a user or to a group, whose id is the key of `State.roles`. */
export interface Role {
  readonly roleName: string;
  readonly modelId: string;
  readonly connectionId: string;
}

export interface State {
  settings: Settings;
  readonly users: Users;
  readonly embedUsers: Users;
  readonly groups: Map<string, Group>;
  readonly roles: Map<string, readonly Role[]>;
}

/** An Omni with nobody in it. */
export function emptyState(): State {
  return {
    settings: DEFAULTS,
    users: new Users(),
    embedUsers: new Users(),
    groups: new Map(),
    roles: new Map(),
  };
}

/** A group id as Omni makes them. */
export function newGroupId(): string {
  return randomBytes(6).toString('base64url');
}

/** Takes a user out of every group and forgets the roles. */
export function forgetUser(state: State, id: string): void {
  state.roles.delete(id);
  for (const group of state.groups.values()) {
    const members = new Set(group.members);
    if (members.delete(id)) state.groups.set(group.id, { ...group, members, modifiedAt: Date.now() });
  }
}
