/** What `omni-sync check` looks at, one line each: every part that a run needs, tried as a run would use it. */
import { recordName } from '../model/change.ts';
import { isSyncError } from '../model/errors.ts';
import { type Fits, noteFits } from './fits.ts';
import { preview } from './preview.ts';
import type { SyncParts } from './sync.ts';

export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  /** What was found, or what is wrong and how to mend it. */
  readonly detail: string;
}

/** Tries the directory, the mapping, Omni's key and the attribute references. Writes nothing. */
export async function check(parts: SyncParts, signal?: AbortSignal): Promise<Finding[]> {
  const fits = noteFits();
  const omni = await finding('Omni', () => tryOmni(parts, fits, signal));
  const directory = await finding('directory', () => tryDirectory(parts, fits, signal));
  return [directory, fits.judge(omni)];
}

async function finding(what: string, look: () => Promise<{ ok: boolean; detail: string }>): Promise<Finding> {
  try {
    return { what, ...(await look()) };
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return { what, ok: false, detail: error.message };
  }
}

/** Reads all of it, as a run would, since only a whole read shows that it can be read whole and who shares an address. */
async function tryDirectory(parts: SyncParts, fits: Fits, signal?: AbortSignal) {
  const { directory, mapping } = parts;
  const counts = { inScope: 0, outOfScope: 0, inactive: 0, rejected: 0 };
  const map: typeof mapping.map = (record) => {
    const mapped = mapping.map(record);
    counts[mapped.verdict]++;
    if (mapped.verdict === 'inScope') fits.note(mapped.desired);
    return mapped;
  };
  const seen = await preview({ ...parts, mapping: { ...mapping, map } }, { signal, offline: true });
  const { inScope, rejections, ended, problem } = seen;
  const { outOfScope, inactive } = counts;
  const [first] = rejections;
  const detail = [
    `${directory.name}: ${inScope} in scope, ${outOfScope} out of scope, ${inactive} inactive, ${rejections.length} rejected`,
    ...(first === undefined ? [] : [`the first rejected: ${recordName(first)}: ${first.reason}`]),
    ...(problem === undefined ? [] : [problem]),
    ...(ended && inScope === 0 ? [NOBODY] : []),
  ].join('; ');
  return { ok: ended && inScope > 0, detail };
}

const NOBODY = 'nobody would be in Omni: look at users.where and users.active';

async function tryOmni({ omni, mapping }: SyncParts, fits: Fits, signal?: AbortSignal) {
  const definitions = await omni.attributeDefinitions(signal);
  fits.against(definitions);
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
  const count = mapping.attributeNames.length;
  const attributes = count === 1 ? 'one mapped attribute is' : `${count} mapped attributes are`;
  return { ok: true, detail: `the key is accepted; ${attributes} known` };
}
