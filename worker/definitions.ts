/** Omni's attribute definitions, read before a write and at most once a day, so that nothing is sent that Omni would drop. */
import { isSyncError } from '../model/errors.ts';
import type { DesiredUser } from '../model/person.ts';
import type { AttributeDefinition } from '../omni/wire.ts';
import { unusable } from '../plan/usable.ts';
import type { ApplyDeps } from './finish.ts';

/** Reads the definitions where attributes are mapped and nobody has today. Returns whether it did. */
export async function readDefinitionsToday(desired: DesiredUser, deps: ApplyDeps): Promise<boolean> {
  const names = Object.keys(desired.attributes);
  if (names.length === 0 || (await deps.ledger.definitions.fresh())) return false;
  const definitions = await definitionsOf(deps);
  await deps.ledger.definitions.write(definitions);
  if (definitions === undefined) return true;
  const leftOut = unusable(names, definitions);
  if (leftOut.length > 0) deps.events.leftOut(leftOut);
  return true;
}

/** Nothing where Omni does not show them: everything is sent then, and the answers are looked at all the same. */
async function definitionsOf({
  omni,
  signal,
}: ApplyDeps): Promise<readonly AttributeDefinition[] | undefined> {
  try {
    return await omni.attributeDefinitions(signal);
  } catch (error) {
    if (isSyncError(error, 'refused') || isSyncError(error, 'missing')) return undefined;
    if (isSyncError(error) && error.code === 'omni.no-endpoint') return undefined;
    throw error;
  }
}
