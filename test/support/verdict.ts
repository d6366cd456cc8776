/** What must be true once all is quiet, judged by the sandbox's own state and call log, never by the daemon's word. */
import { expect } from 'vitest';
import type { Sandbox } from '../../sandbox/server.ts';
import type { Person } from './journey.ts';

/** Everyone is in Omni once, with the right name, and nobody else is; each was created by one POST that took effect. */
export function expectInStep(sandbox: Sandbox, people: readonly Person[]): void {
  const { users } = sandbox.state();
  const held = users.map(({ userName, displayName, active }) => ({ userName, displayName, active }));
  const wanted = people.map(({ email, name }) => ({ userName: email, displayName: name, active: true }));
  expect(sorted(held)).toEqual(sorted(wanted));
}

/** The POSTs that created somebody, by userName. */
export function creations(sandbox: Sandbox): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { method, route, committed, userName } of sandbox.calls()) {
    if (method !== 'POST' || !committed || route !== '/api/scim/v2/users' || userName === undefined) continue;
    counts.set(userName, (counts.get(userName) ?? 0) + 1);
  }
  return counts;
}

function sorted<Item extends { readonly userName: string }>(items: readonly Item[]): Item[] {
  return [...items].sort((a, b) => (a.userName < b.userName ? -1 : 1));
}
