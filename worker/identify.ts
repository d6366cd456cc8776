/** From a name to one person and their records: the ledger first, then the directory. */
import type { Ledger } from '../ledger/ledger.ts';
import { isSyncError } from '../model/errors.ts';
import { type Found, idOf, type LookUpDeps, lookUp } from './look-up.ts';
import { type Known, peopleNamed } from './people.ts';

/** One person, and what the directory gives of them now. */
export interface Identified {
  readonly sourceId: string;
  readonly ref: string;
  /** More than one: records share the id. */
  readonly found: readonly Found[];
  /** Why the directory could not be read. */
  readonly unread?: string;
}

export interface IdentifyDeps extends LookUpDeps {
  readonly ledger: Ledger;
}

/** Who is meant by `name`; nothing where nobody is called so. `unread` alone: nobody here is, and the directory could not be asked. */
export async function identify(
  name: string,
  deps: IdentifyDeps,
  signal?: AbortSignal,
): Promise<Identified | { readonly unread: string } | undefined> {
  const [{ ref }, [known]] = await Promise.all([deps.ledger.begin(), peopleNamed(deps.ledger, name)]);
  try {
    const sourceId = await sourceIdOf(name, known, { deps, signal });
    const found = await lookUp({ id: sourceId ?? name }, deps, signal);
    if (sourceId === undefined && found.length === 0) return undefined;
    return { sourceId: sourceId ?? name, ref: ref(sourceId ?? name), found };
  } catch (error) {
    if (!isSyncError(error, 'incomplete') || signal?.aborted === true) throw error;
    const unread = error.message;
    return known === undefined ? { unread } : { sourceId: known.sourceId, ref: known.ref, found: [], unread };
  }
}

interface Looking {
  readonly deps: IdentifyDeps;
  readonly signal: AbortSignal | undefined;
}

/** Who has the address in the directory now goes before who had it when the ledger last heard. Nothing where `name` can but be an id. */
async function sourceIdOf(
  name: string,
  known: Known | undefined,
  { deps, signal }: Looking,
): Promise<string | undefined> {
  if (known !== undefined && (known.sourceId === name || known.ref === name)) return known.sourceId;
  if (name.includes('@')) {
    const holder = firstOf(await lookUp({ userName: name }, deps, signal));
    if (holder !== undefined) return holder;
  }
  return known?.sourceId;
}

function firstOf(found: readonly Found[]): string | undefined {
  const inScope = found.find(({ mapped }) => mapped.verdict === 'inScope');
  const one = inScope ?? found[0];
  return one && idOf(one.mapped);
}
