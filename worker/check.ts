/** What `omni-sync check` looks at, one line each: every part that a run needs, tried as a run would use it. */
import { isSyncError } from '../model/errors.ts';
import type { SyncParts } from './sync.ts';

export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  /** What was found, or what is wrong and how to mend it. */
  readonly detail: string;
}

/** Tries the directory, the mapping, Omni's key and the attribute references. Writes nothing. */
export async function check(parts: SyncParts, signal?: AbortSignal): Promise<Finding[]> {
  return [
    await finding('directory', () => tryDirectory(parts, signal)),
    await finding('Omni', () => tryOmni(parts, signal)),
  ];
}

async function finding(what: string, look: () => Promise<{ ok: boolean; detail: string }>): Promise<Finding> {
  try {
    return { what, ...(await look()) };
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return { what, ok: false, detail: error.message };
  }
}

/** Reads all of it, since only a whole read shows that it can be read whole. */
async function tryDirectory({ directory, mapping }: SyncParts, signal?: AbortSignal) {
  const counts = { inScope: 0, outOfScope: 0, inactive: 0, rejected: 0 };
  let example = '';
  for await (const page of directory.pages(signal)) {
    for (const record of page) {
      const mapped = mapping.map(record);
      counts[mapped.verdict]++;
      if (mapped.verdict === 'rejected' && example === '')
        example = `; the first rejected: ${mapped.rejection.reason}`;
    }
  }
  const { inScope, outOfScope, inactive, rejected } = counts;
  const detail = `${directory.name}: ${inScope} in scope, ${outOfScope} out of scope, ${inactive} inactive, ${rejected} rejected${example}`;
  return inScope > 0
    ? { ok: true, detail }
    : { ok: false, detail: `${detail}; nobody would be in Omni: look at users.where and users.active` };
}

async function tryOmni({ omni, mapping }: SyncParts, signal?: AbortSignal) {
  const definitions = await omni.attributeDefinitions(signal);
  const known = new Map(definitions.map((definition) => [definition.name, definition]));
  const unknown = mapping.attributeNames.filter((name) => !known.has(name));
  const system = mapping.attributeNames.filter((name) => known.get(name)?.system === true);
  if (unknown.length > 0) {
    const custom = definitions.filter((definition) => !definition.system).map(({ name }) => name);
    return {
      ok: false,
      detail: `the key is accepted, but Omni has no user attribute with the reference ${unknown.join(', ')}; it has ${custom.join(', ') || 'none'}: correct users.attributes, or define it in Omni`,
    };
  }
  if (system.length > 0)
    return {
      ok: false,
      detail: `${system.join(', ')} is Omni's own and cannot be written: remove it from users.attributes`,
    };
  return {
    ok: true,
    detail: `the key is accepted; ${mapping.attributeNames.length} mapped attributes are known`,
  };
}
