/** What a route is, and which one a path means; both of Omni's casings of a path are one route. */
import { Problem } from './problem.ts';
import type { State } from './state.ts';

export interface RouteRequest {
  readonly state: State;
  /** The `{id}` of the path, or nothing. */
  readonly id: string;
  readonly query: URLSearchParams;
  /** Parsed JSON, checked by nobody yet. */
  readonly body: unknown;
}

export interface Reply {
  readonly status: number;
  /** Sent as JSON; left out: no body. */
  readonly body?: unknown;
}

export interface Route {
  readonly method: string;
  /** Normalised: lower case, `{id}` for what varies. */
  readonly path: string;
  /** Changes the state at once or throws a Problem having changed nothing. */
  readonly handle: (request: RouteRequest) => Reply;
}

export interface Match {
  /** The normalised path, or the path itself where nothing is there. */
  readonly path: string;
  readonly id: string;
  readonly routes: readonly Route[];
}

/** Finds the routes of a path, of every method. */
export function matchPath(routes: readonly Route[], pathname: string): Match {
  for (const path of new Set(routes.map((route) => route.path))) {
    const found = pattern(path).exec(pathname);
    if (found !== null)
      return { path, id: decoded(found[1] ?? ''), routes: routes.filter((route) => route.path === path) };
  }
  return { path: pathname, id: '', routes: [] };
}

/** The route of a method. @throws Problem 404 or 405 */
export function chosen(match: Match, method: string): Route {
  if (match.routes.length === 0) throw new Problem(404, 'No such path');
  const route = match.routes.find((each) => each.method === method);
  if (route !== undefined) return route;
  const allow = match.routes.map((each) => each.method).join(', ');
  throw new Problem(405, `Expected ${allow}`, { Allow: allow });
}

function pattern(path: string): RegExp {
  const casings = path.startsWith('/api/scim/')
    ? path.replace('/users', '/[uU]sers').replace('/groups', '/[gG]roups')
    : path;
  return new RegExp(`^${casings.replace('{id}', '([^/]+)')}$`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
