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
  const known = byName(definitions);
  return names.flatMap((name) => {
    const definition = known.get(name);
    if (definition === undefined) return [{ name, why: 'Omni has no user attribute with this reference' }];
    return definition.system ? [{ name, why: "it is Omni's own and read-only" }] : [];
  });
}

/** The attributes of a desired user that Omni defines and whose value it does not take. */
export function unfit({ attributes }: DesiredUser, definitions: readonly Definition[]): LeftOut[] {
  const known = byName(definitions);
  return Object.entries(attributes).flatMap(([name, value]) => {
    const definition = known.get(name);
    const why = definition === undefined || definition.system ? undefined : whyNot(definition, value);
    return why === undefined ? [] : [{ name, why }];
  });
}

/** `desired` with what Omni can hold alone; `definitions` unknown: as it is. */
export function holdable(desired: DesiredUser, definitions: readonly Definition[] | undefined): DesiredUser {
  if (definitions === undefined) return desired;
  const known = byName(definitions);
  const { attributes } = desired;
  const taken = (name: string) => takes(known.get(name), attributes[name] ?? null);
  const names = Object.keys(attributes);
  if (names.every(taken)) return desired;
  const kept = names.filter(taken).map((name) => [name, attributes[name] ?? null] as const);
  return { ...desired, attributes: Object.fromEntries(kept) };
}

/** Made once for each list of definitions, which serves everybody. */
const MADE = new WeakMap<readonly Definition[], ReadonlyMap<string, Definition>>();

function byName(definitions: readonly Definition[]): ReadonlyMap<string, Definition> {
  const made =
    MADE.get(definitions) ?? new Map(definitions.map((definition) => [definition.name, definition]));
  MADE.set(definitions, made);
  return made;
}

function takes(definition: Definition | undefined, value: AttributeValue): boolean {
  if (definition === undefined || definition.system) return false;
  return whyNot(definition, value) === undefined;
}

function whyNot({ multiple, type }: Definition, value: AttributeValue): string | undefined {
  if (value === null) return undefined;
  if (Array.isArray(value) && !multiple) return 'it takes one value, not a list';
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return type !== 'Number' || values.every(isNumeric) ? undefined : 'it takes numbers alone';
}

function isNumeric(value: unknown): boolean {
  return (
    typeof value === 'number' ||
    (typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value)))
  );
}
