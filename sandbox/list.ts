/** One page of a list (RFC 7644, section 3.4.2.4), with the page cap that the settings may set. */
import { parsed } from './parse.ts';
import { listQuery } from './schemas.ts';
import type { Settings } from './settings.ts';

const LIST = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

export interface ListQuery {
  readonly count: number;
  readonly startIndex: number;
  readonly filter?: string | undefined;
}

/** What a list was asked for. @throws Problem 400 that names the parameter */
export function readListQuery(query: URLSearchParams): ListQuery {
  return parsed(listQuery, Object.fromEntries(query));
}

/** The page of `all` that was asked for; `show` is called for its items alone. */
export function page<T>(
  all: readonly T[],
  query: ListQuery,
  options: { readonly settings: Settings; readonly show: (item: T) => unknown },
): Record<string, unknown> {
  const first = Math.max(1, query.startIndex);
  const longest = options.settings.maxPageSize ?? Number.POSITIVE_INFINITY;
  const size = Math.min(Math.max(0, query.count), longest);
  const items = all.slice(first - 1, first - 1 + size);
  return {
    schemas: [LIST],
    totalResults: all.length,
    startIndex: first,
    itemsPerPage: items.length,
    Resources: items.map(options.show),
  };
}
