/** Groups: /api/scim/v2/groups, every PATCH form of the vendor's document; never makes or changes a user. */
import { parseFilter, passes } from './filter.ts';
import { page, readListQuery } from './list.ts';
import { parsed } from './parse.ts';
import { Problem } from './problem.ts';
import type { Reply, Route, RouteRequest } from './route.ts';
import { createGroup, type GroupOperation, groupQuery, patchGroup, putGroup } from './schemas.ts';
import { type Group, newGroupId, type State } from './state.ts';

const CORE = 'urn:ietf:params:scim:schemas:core:2.0:Group';

export const groupRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/scim/v2/groups', handle: listGroups },
  { method: 'POST', path: '/api/scim/v2/groups', handle: postGroup },
  { method: 'GET', path: '/api/scim/v2/groups/{id}', handle: getGroup },
  { method: 'PATCH', path: '/api/scim/v2/groups/{id}', handle: patchGroupById },
  { method: 'PUT', path: '/api/scim/v2/groups/{id}', handle: putGroupById },
  { method: 'DELETE', path: '/api/scim/v2/groups/{id}', handle: deleteGroup },
];

/** A group as answers show it. */
function shownGroup(state: State, group: Group, members = true): Record<string, unknown> {
  const shown = [...group.members].map((id) => ({
    display: state.users.get(id)?.displayName ?? '',
    value: id,
  }));
  return {
    displayName: group.displayName,
    id: group.id,
    ...(members ? { members: shown } : {}),
    meta: {
      created: new Date(group.createdAt).toISOString(),
      lastModified: new Date(group.modifiedAt).toISOString(),
      resourceType: 'Group',
    },
    schemas: [CORE],
  };
}

function listGroups({ state, query }: RouteRequest): Reply {
  const asked = readListQuery(query);
  const withMembers = wantsMembers(query);
  const filter = asked.filter && parseFilter(asked.filter, { attribute: 'displayName', operators: ['eq'] });
  const all = [...state.groups.values()];
  const groups = filter ? all.filter((group) => passes(filter, group.displayName)) : all;
  const show = (group: Group) => shownGroup(state, group, withMembers);
  return { status: 200, body: page(groups, asked, { settings: state.settings, show }) };
}

function getGroup({ state, id, query }: RouteRequest): Reply {
  return { status: 200, body: shownGroup(state, existing(state, id), wantsMembers(query)) };
}

function postGroup({ state, body }: RouteRequest): Reply {
  const { displayName, members } = parsed(createGroup, body);
  const now = Date.now();
  const group = { id: newGroupId(), displayName, createdAt: now, modifiedAt: now };
  return { status: 201, body: saved(state, { ...group, members: known(state, members, 'members') }) };
}

function putGroupById({ state, id, body }: RouteRequest): Reply {
  const { displayName, members } = parsed(putGroup, body);
  const group = { ...existing(state, id), displayName, members: known(state, members, 'members') };
  return { status: 200, body: saved(state, group) };
}

function patchGroupById({ state, id, body }: RouteRequest): Reply {
  const { Operations } = parsed(patchGroup, body);
  const after = Operations.reduce<Group>(
    (draft, operation, index) => {
      return applied(state, draft, { operation, where: `Operations[${index}].value` });
    },
    existing(state, id),
  );
  return { status: 200, body: saved(state, after) };
}

function deleteGroup({ state, id }: RouteRequest): Reply {
  state.groups.delete(existing(state, id).id);
  state.roles.delete(id);
  return { status: 204 };
}

interface Step {
  readonly operation: GroupOperation;
  /** How a refusal names the value. */
  readonly where: string;
}

function applied(state: State, draft: Group, { operation, where }: Step): Group {
  const { path, value } = operation;
  if (Array.isArray(value)) {
    const named = known(state, value, where);
    const adds = operation.op.toLowerCase() === 'add';
    return { ...draft, members: adds ? new Set([...draft.members, ...named]) : named };
  }
  if (typeof value === 'string') return { ...draft, displayName: value };
  if (path === undefined) return { ...draft, displayName: operation.value.displayName };
  const removed = path.slice(-38, -2).toLowerCase();
  return { ...draft, members: new Set([...draft.members].filter((id) => id !== removed)) };
}

function known(state: State, members: readonly { readonly value: string }[], where: string): Set<string> {
  const ids = members.map(({ value }, index) => {
    const user = state.users.get(value);
    if (user === undefined) throw new Problem(400, `${where}[${index}].value: no such user`);
    return user.id;
  });
  return new Set(ids);
}

function saved(state: State, group: Group): Record<string, unknown> {
  const name = group.displayName.toLowerCase();
  const twin = [...state.groups.values()].find((each) => each.displayName.toLowerCase() === name);
  if (twin !== undefined && twin.id !== group.id)
    throw new Problem(409, 'Group with this name already exists');
  state.groups.set(group.id, { ...group, modifiedAt: Date.now() });
  return shownGroup(state, group);
}

function existing(state: State, id: string): Group {
  const group = state.groups.get(id);
  if (group === undefined) throw new Problem(404, 'Group not found');
  return group;
}

function wantsMembers(query: URLSearchParams): boolean {
  return parsed(groupQuery, Object.fromEntries(query)).excludedAttributes === undefined;
}
