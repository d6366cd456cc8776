/** The API keys that the sandbox knows, by name; a key itself never leaves this file. */
import { Problem } from './problem.ts';
import type { Settings } from './settings.ts';

interface Entry {
  readonly name: string;
  readonly kind: 'organization' | 'personal';
  revoked: boolean;
}

/** What may be shown of a key. */
export type ShownKey = Readonly<Entry>;

/** The keys of one sandbox. Those that begin with `personal-` are personal without being added. */
export class Keys {
  readonly #entries = new Map<string, Entry>();

  /** Adds an organization key, or lets a revoked one in again. Returns its name, `key-1` onward. */
  add(key: string, kind: Entry['kind'] = 'organization'): string {
    const known = this.#entries.get(key);
    const name = known?.name ?? `key-${this.#entries.size + 1}`;
    this.#entries.set(key, { name, kind, revoked: false });
    return name;
  }

  /** Revokes by key or by name. @throws Problem 404 where there is no such key. */
  revoke(keyOrName: string): void {
    const named = [...this.#entries.values()].find((entry) => entry.name === keyOrName);
    const entry = this.#entries.get(keyOrName) ?? named;
    if (entry === undefined) throw new Problem(404, 'No such key');
    entry.revoked = true;
  }

  list(): ShownKey[] {
    return [...this.#entries.values()].map((entry) => ({ ...entry }));
  }

  /** How the call log names the key of an Authorization header. */
  nameOf(header: string | undefined): string {
    const key = bearer(header);
    if (key === undefined) return 'none';
    return this.#entries.get(key)?.name ?? (isPersonal(key) ? 'personal' : 'unknown');
  }

  /** @throws Problem 401 or 403 unless the header carries a living organization key. */
  admit(header: string | undefined, settings: Settings): void {
    const key = bearer(header);
    if (key === undefined) throw new Problem(401, 'Authentication required');
    const entry = this.#entries.get(key);
    if (entry?.revoked !== true && (entry?.kind === 'personal' || (entry === undefined && isPersonal(key))))
      throw new Problem(403, 'User-scoped API keys are not allowed to access the SCIM API');
    if (entry === undefined || entry.revoked) throw new Problem(settings.unknownKeyStatus, 'Invalid API key');
  }
}

function bearer(header: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
}

function isPersonal(key: string): boolean {
  return key.startsWith('personal-');
}
