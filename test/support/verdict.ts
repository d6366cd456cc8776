/** What must be true once all is quiet, judged by the sandbox's own state and call log, never by the daemon's word. */
import { expect } from 'vitest';
import type { Sandbox } from '../../sandbox/server.ts';
import type { Person } from './journey.ts';

/** Everyone is in Omni once, with the right name, and the right region where Omni knows one, and nobody else is. */
export function expectInStep(sandbox: Sandbox, people: readonly Person[]): void {
  const { users } = sandbox.state();
  const region = (value: unknown) => knowsRegions(sandbox) && { region: value };
  const held = users.map(({ userName, displayName, active, attributes }) => ({
    userName,
    displayName,
    active,
    ...region(attributes.region),
  }));
  const wanted = people.map(({ email, name, office }) => ({
    userName: email,
    displayName: name,
    active: true,
    ...region(office),
  }));
  expect(sorted(held)).toEqual(sorted(wanted));
}

/** Whether this Omni has the attribute `region`, to which installations map the office. */
export function knowsRegions(sandbox: Sandbox): boolean {
  return sandbox.state().settings.attributes.some(({ name }) => name === 'region');
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
