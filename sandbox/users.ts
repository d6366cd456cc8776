/** The accounts that exist and those that were: one account for each address, compared without case. */
import { randomUUID } from 'node:crypto';
import type { StoredAttributes } from './attributes.ts';

export interface User {
  readonly id: string;
  readonly userName: string;
  readonly displayName: string;
  readonly active: boolean;
  readonly attributes: StoredAttributes;
  /** Milliseconds since 1970, as is `modifiedAt`. */
  readonly createdAt: number;
  readonly modifiedAt: number;
}

export type NewUser = Pick<User, 'userName' | 'displayName' | 'attributes'> & Partial<User>;

/** A store of accounts. Answers nothing of HTTP; its callers keep addresses unique by asking `find` first. */
export class Users {
  readonly #live = new Map<string, User>();
  readonly #byAddress = new Map<string, string>();
  readonly #deleted: User[] = [];
  readonly #revoked = new Set<string>();
  #sorted: readonly User[] | undefined;

  get(id: string): User | undefined {
    return this.#live.get(id.toLowerCase());
  }

  find(address: string): User | undefined {
    const id = this.#byAddress.get(address.toLowerCase());
    return id === undefined ? undefined : this.#live.get(id);
  }

  /** Whether an account with this address was deleted. */
  wasDeleted(address: string): boolean {
    return this.#revoked.has(address.toLowerCase());
  }

  add(user: NewUser): User {
    const now = Date.now();
    const id = user.id?.toLowerCase() ?? randomUUID();
    return this.#keep({ active: true, createdAt: now, modifiedAt: user.createdAt ?? now, ...user, id });
  }

  update(user: User, change: Partial<Omit<User, 'id'>>): User {
    this.#byAddress.delete(user.userName.toLowerCase());
    return this.#keep({ ...user, ...change, modifiedAt: Date.now() });
  }

  remove(user: User): void {
    this.#live.delete(user.id);
    this.#byAddress.delete(user.userName.toLowerCase());
    this.#revoked.add(user.userName.toLowerCase());
    this.#deleted.push(user);
    this.#sorted = undefined;
  }

  /** Oldest first; those of one millisecond in the order in which they came. */
  list(): readonly User[] {
    this.#sorted ??= [...this.#live.values()].sort((a, b) => a.createdAt - b.createdAt);
    return this.#sorted;
  }

  deleted(): readonly User[] {
    return this.#deleted;
  }

  #keep(user: User): User {
    this.#live.set(user.id, user);
    this.#byAddress.set(user.userName.toLowerCase(), user.id);
    this.#sorted = undefined;
    return user;
  }
}
