/** SCIM filters as far as Omni takes them: one attribute, `eq` or `co`, a JSON string. Everything else is 400. */
import { Problem } from './problem.ts';

export interface Filter {
  readonly operator: 'eq' | 'co';
  /** In lower case: Omni compares without it. */
  readonly value: string;
}

/** What a list may be filtered by. */
export interface Filterable {
  readonly attribute: string;
  readonly operators: readonly Filter['operator'][];
}

/**
 * Reads `userName eq "a@b.co"`; names and operators in any case (RFC 7644, section 3.4.2.2).
 * @throws Problem 400
 */
export function parseFilter(text: string, allowed: Filterable): Filter {
  const [, attribute = '', operator = '', quoted = ''] =
    /^\s*([\w.:]+)\s+(\w+)\s+(".*")\s*$/s.exec(text) ?? [];
  if (attribute.toLowerCase() !== allowed.attribute.toLowerCase())
    throw new Problem(400, `filter: expected ${allowed.attribute} and one comparison with a quoted string`);
  const known = allowed.operators.find((each) => each === operator.toLowerCase());
  if (known === undefined) throw new Problem(400, `filter: expected ${allowed.operators.join(' or ')}`);
  return { operator: known, value: unquoted(quoted).toLowerCase() };
}

/** Whether `text` passes; without case. */
export function passes(filter: Filter, text: string): boolean {
  const lower = text.toLowerCase();
  return filter.operator === 'eq' ? lower === filter.value : lower.includes(filter.value);
}

function unquoted(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    throw new Problem(400, 'filter: the value is not a JSON string');
  }
}
