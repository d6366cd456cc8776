/** Who is meant by a name: a sourceId, an address or a ref. The one place that knows, for everything that takes a PERSON. */
import type { Ledger } from '../ledger/ledger.ts';
import { isRefShaped } from '../ledger/ref.ts';
import { addressKey } from '../model/person.ts';

/** Somebody whom the ledger knows, as far as it names them. */
export interface Known {
  readonly sourceId: string;
  readonly ref: string;
  readonly userName?: string;
  /** Has an account that is active; else a waiting state, a tombstone, or an account that was taken away. */
  readonly active: boolean;
}

/**
 * Everyone whom the ledger knows: links, waiting desired states, tombstones, held changes, people set aside, rejected records.
 * Somebody may come several times, under several addresses.
 */
async function* knownPeople(ledger: Ledger): AsyncGenerator<Known> {
  yield* linkedPeople(ledger);
  for await (const page of ledger.outbox.rows()) {
    for (const { sourceId, ref, desired } of page)
      yield { sourceId, ref, active: false, ...(desired && { userName: desired.userName }) };
  }
  yield* notedPeople(ledger);
}

async function* linkedPeople(ledger: Ledger): AsyncGenerator<Known> {
  const { ref } = await ledger.begin();
  for await (const page of ledger.links.stored()) {
    for (const { link } of page) {
      const { sourceId, userName, state } = link;
      yield { sourceId, ref: ref(sourceId), userName, active: state === 'active' };
    }
  }
}

async function* notedPeople(ledger: Ledger): AsyncGenerator<Known> {
  const { ref } = await ledger.begin();
  for (const { sourceId, ref: own, userName } of await ledger.leavers.all())
    yield { sourceId, ref: own, userName, active: false };
  for (const { sourceId, ref: own, userName } of await ledger.held.all())
    yield { sourceId, ref: own, userName, active: false };
  for (const { sourceId, ref: own } of await ledger.quarantine.all())
    yield { sourceId, ref: own, active: false };
  for (const { sourceId } of await ledger.rejections())
    if (sourceId !== undefined) yield { sourceId, ref: ref(sourceId), active: false };
}

/** The people whom the ledger knows under `name`: by id and ref first, then those with an active account. */
export async function peopleNamed(ledger: Ledger, name: string): Promise<Known[]> {
  const exact = await byIdOrRef(ledger, name);
  if (exact !== undefined) return [exact];
  const found = new Map<string, Known>();
  // An id alone was looked for in the large sets already.
  const isNotId = name.includes('@') || isRefShaped(name);
  for await (const known of isNotId ? knownPeople(ledger) : notedPeople(ledger)) {
    if (!isNamed(known, name)) continue;
    const earlier = found.get(known.sourceId);
    if (earlier === undefined || known.active) found.set(known.sourceId, known);
  }
  return [...found.values()].sort((a, b) => Number(b.active) - Number(a.active));
}

/** Found at once, without looking through everybody. */
async function byIdOrRef(ledger: Ledger, name: string): Promise<Known | undefined> {
  const { ref } = await ledger.begin();
  const own = ref(name);
  const notesOf = (key: string) =>
    Promise.all([ledger.outbox.get(key), ledger.leavers.get(key), ledger.quarantine.get(key)]);
  const [links, ...notes] = await Promise.all([ledger.links.of([name]), notesOf(own), notesOf(name)]);
  const link = links.get(name)?.link;
  if (link !== undefined) {
    const { userName, state } = link;
    return { sourceId: name, ref: own, userName, active: state === 'active' };
  }
  const known = notes.flat().find((note) => note !== undefined);
  return known && { sourceId: known.sourceId, ref: known.ref, active: false };
}

function isNamed({ sourceId, ref, userName }: Known, name: string): boolean {
  if (name === sourceId || name === ref) return true;
  return userName !== undefined && addressKey(name) === addressKey(userName);
}

/** The refs that each name may stand for; of an address those of everyone who has it. Whether there is such a person is not said. */
export async function refsOf(
  ledger: Ledger,
  names: readonly string[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const { ref } = await ledger.begin();
  const refs = new Map(names.map((name) => [name, new Set([name, ref(name)])]));
  const addresses = names.filter((name) => name.includes('@'));
  if (addresses.length === 0) return refs;
  for await (const known of knownPeople(ledger)) {
    for (const name of addresses) if (isNamed(known, name)) refs.get(name)?.add(known.ref);
  }
  return refs;
}
