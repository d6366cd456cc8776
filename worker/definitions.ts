/** Omni's attribute definitions, read before a write and at most once a day, so that nothing is sent that Omni would drop. */
import type { Definitions } from '../ledger/definitions.ts';
import { isSyncError } from '../model/errors.ts';
import type { DesiredUser } from '../model/person.ts';
import type { AttributeDefinition } from '../omni/wire.ts';
import { unusable } from '../plan/usable.ts';
import type { ApplyDeps } from './finish.ts';

type Reading = Pick<ApplyDeps, 'ledger' | 'omni' | 'events' | 'signal'>;

/** Reads that are under way, by whose they are: people who are applied at the same time share one request. */
const underWay = new WeakMap<Definitions, Promise<void>>();

/** Reads the definitions where attributes are mapped and nobody has today. */
export async function readDefinitionsToday(desired: DesiredUser, deps: Reading): Promise<void> {
  const names = Object.keys(desired.attributes);
  const { definitions } = deps.ledger;
  if (names.length === 0 || (await definitions.fresh())) return;
  const begun = underWay.get(definitions) ?? read(names, deps).finally(() => underWay.delete(definitions));
  underWay.set(definitions, begun);
  await begun;
}

async function read(names: readonly string[], deps: Reading): Promise<void> {
  const definitions = await definitionsOf(deps);
  await deps.ledger.definitions.write(definitions);
  const leftOut = definitions === undefined ? [] : unusable(names, definitions);
  if (leftOut.length > 0) deps.events.leftOut(leftOut);
}

/** Nothing where Omni does not show them: everything is sent then, and the answers are looked at all the same. */
async function definitionsOf({ omni, signal }: Reading): Promise<readonly AttributeDefinition[] | undefined> {
  try {
    return await omni.attributeDefinitions(signal);
  } catch (error) {
    if (isSyncError(error, 'refused') || isSyncError(error, 'missing')) return undefined;
    if (isSyncError(error) && error.code === 'omni.no-endpoint') return undefined;
    throw error;
  }
}
