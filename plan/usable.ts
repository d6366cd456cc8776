/**
 * What of a desired user Omni can hold: attributes that it does not define, that are its own, or that are of another
 * type are left out, each alone, since Omni would drop them without a word. Pure.
 */
import type { AttributeValue, DesiredUser } from '../model/person.ts';

/** A user attribute as Omni defines it. */
export interface Definition {
  /** The reference. */
  readonly name: string;
  /** `String` or `Number`. */
  readonly type: string;
  readonly multiple: boolean;
  /** Omni's own, read-only. */
  readonly system: boolean;
}

/** An attribute that is mapped and cannot be written. */
export interface LeftOut {
  readonly name: string;
  readonly why: string;
}

/** The mapped attributes that no value could be written to. */
export function unusable(names: readonly string[], definitions: readonly Definition[]): LeftOut[] {
  const known = new Map(definitions.map((definition) => [definition.name, definition]));
  return names.flatMap((name) => {
    const definition = known.get(name);
    if (definition === undefined) return [{ name, why: 'Omni has no user attribute with this reference' }];
    return definition.system ? [{ name, why: "it is Omni's own and read-only" }] : [];
  });
}

/** `desired` with what Omni can hold alone; `definitions` unknown: as it is. */
export function holdable(desired: DesiredUser, definitions: readonly Definition[] | undefined): DesiredUser {
  if (definitions === undefined) return desired;
  const known = new Map(definitions.map((definition) => [definition.name, definition]));
  const entries = Object.entries(desired.attributes);
  const kept = entries.filter(([name, value]) => takes(known.get(name), value));
  return kept.length === entries.length ? desired : { ...desired, attributes: Object.fromEntries(kept) };
}

function takes(definition: Definition | undefined, value: AttributeValue): boolean {
  if (definition === undefined || definition.system) return false;
  if (value === null) return true;
  if (Array.isArray(value) && !definition.multiple) return false;
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return definition.type !== 'Number' || values.every(isNumeric);
}

function isNumeric(value: unknown): boolean {
  return (
    typeof value === 'number' ||
    (typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value)))
  );
}
