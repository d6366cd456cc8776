/**
 * Search filters: the operator's own, read once and strictly, and the one that looks a person up. A value is never
 * pasted into a filter's text: the lookup is built as a tree, so no value can change its shape.
 */
import { AndFilter, EqualityFilter, type Filter, FilterParser, NotFilter, OrFilter } from 'ldapts';
import { SyncError } from '../model/errors.ts';
import { escapeFilter } from './ldap-escape.ts';

const ESCAPES = /(?:\\[0-9a-fA-F]{2})+/g;

/**
 * The filter that `text` says (RFC 4515).
 * @throws SyncError `config` (`ldap.filter`) where it is not well formed; the message does not repeat it.
 */
export function parseFilter(text: string): Filter {
  assertBalanced(text);
  try {
    return FilterParser.parseString(text.trim().replace(ESCAPES, decodeEscapes));
  } catch (error) {
    throw error instanceof SyncError ? error : badFilter('it is not well formed');
  }
}

/** Those of `filter` whose `attribute` equals `value`; bytes are compared as bytes. */
export function equalWithin(filter: Filter, attribute: string, value: string | Buffer): Filter {
  return new AndFilter({ filters: [filter, new EqualityFilter({ attribute, value })] });
}

/** The attributes that `filter` looks at; undefined where it does not name them all. */
export function attributesIn(filter: Filter): readonly string[] | undefined {
  if (filter instanceof NotFilter) return attributesIn(filter.filter);
  if (filter instanceof AndFilter || filter instanceof OrFilter) {
    const each = filter.filters.map(attributesIn);
    return each.every((names) => names !== undefined) ? each.flat() : undefined;
  }
  const named = 'attribute' in filter ? filter.attribute : 'matchType' in filter ? filter.matchType : '';
  return typeof named === 'string' && named !== '' ? [named] : undefined;
}

/**
 * ldapts takes each escaped byte for a character of its own, so `M\c3\bcller` would find nobody: bytes that
 * spell a character become that character, and what the grammar reserves is escaped again.
 */
function decodeEscapes(escapes: string): string {
  const bytes = Buffer.from(escapes.replaceAll('\\', ''), 'hex');
  try {
    return escapeFilter(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw badFilter('an escaped value is no UTF-8');
  }
}

/** ldapts lets a missing parenthesis pass. Within values they are escaped, so counting them is exact. */
function assertBalanced(text: string): void {
  let depth = 0;
  for (const character of text) {
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (depth < 0) break;
  }
  if (depth !== 0) throw badFilter('its parentheses do not match');
}

function badFilter(why: string): SyncError {
  return new SyncError(
    'config',
    'ldap.filter',
    `The filter of the LDAP directory cannot be used: ${why}. ` +
      'Write it as in RFC 4515, for example (&(objectClass=person)(mail=*)), with ( ) * \\ in values as \\28 \\29 \\2a \\5c.',
  );
}
