/** User attributes: what is defined, what of a map is kept, and in which form; never writes a system attribute. */
import { createHash } from 'node:crypto';
import { Problem } from './problem.ts';
import { ATTRIBUTES, type SentAttributes, type SentValue } from './schemas.ts';
import type { AttributeDefinition, Settings } from './settings.ts';

export type StoredValue = Exclude<SentValue, null>;
export type StoredAttributes = ReadonlyMap<string, StoredValue>;

/**
 * The map after `sent` was merged into it: null clears, what is not defined is dropped or refused.
 * @throws Problem 400 that names the attribute
 */
export function merged(
  settings: Settings,
  old: StoredAttributes,
  sent: SentAttributes = {},
): StoredAttributes {
  const result = new Map(old);
  for (const [name, value] of Object.entries(sent)) {
    const definition = settings.attributes.find((each) => each.name === name);
    if (definition === undefined && settings.unknownAttributes === 'refuse')
      throw new Problem(400, `${ATTRIBUTES}.${name}: no such user attribute`);
    if (definition === undefined || definition.system === true) continue;
    if (value === null) result.delete(name);
    else result.set(name, fitting(definition, coerced(value, settings.coercion)));
  }
  return result;
}

/** The map as answers show it: only what is defined today. */
export function shown(settings: Settings, stored: StoredAttributes): Record<string, StoredValue> {
  const names = new Set(settings.attributes.map((each) => each.name));
  return Object.fromEntries([...stored].filter(([name]) => names.has(name)));
}

/** One definition as GET /api/v1/user-attributes shows it. */
export function shownDefinition(definition: AttributeDefinition): Record<string, unknown> {
  const { name, type = 'String', multiple = false, system = false } = definition;
  const label = name.replaceAll('_', ' ');
  const id = system ? '' : stableId(name);
  return { id, name, label, type, system, multiple_values: multiple, default_value: null, description: null };
}

function coerced(value: StoredValue, coercion: Settings['coercion']): StoredValue {
  if (coercion === 'none') return value;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (coercion === 'seed') return value;
  return Array.isArray(value) ? value.map(String) : String(value);
}

function fitting(definition: AttributeDefinition, value: StoredValue): StoredValue {
  const where = `${ATTRIBUTES}.${definition.name}`;
  if (Array.isArray(value) && definition.multiple !== true)
    throw new Problem(400, `${where}: takes one value, not a list`);
  if (definition.type === 'Number' && ![value].flat().every(isNumeric))
    throw new Problem(400, `${where}: expected a number`);
  return value;
}

/** Numbers may come as text, "stored as strings for precision". */
function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value));
}

function stableId(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
