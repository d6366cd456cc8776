/** Omni's own API beside SCIM: attribute definitions, and the model roles of users and groups. */
import { shownDefinition } from './attributes.ts';
import { parsed } from './parse.ts';
import { Problem } from './problem.ts';
import type { Reply, Route, RouteRequest } from './route.ts';
import { assignRole, roleQuery } from './schemas.ts';
import type { Settings } from './settings.ts';
import type { Role, State } from './state.ts';

/** Omni's own roles; the highest priority wins. */
const PRIORITIES: Readonly<Record<string, number>> = {
  NO_ACCESS: 0,
  VIEWER: 10,
  QUERY_TOPICS: 20,
  QUERIER: 30,
  MODELER: 40,
  CONNECTION_ADMIN: 50,
};
const BASE_OF_CUSTOM = 'VIEWER';

export const v1Routes: readonly Route[] = [
  { method: 'GET', path: '/api/v1/user-attributes', handle: listDefinitions },
  { method: 'GET', path: '/api/v1/users/{id}/model-roles', handle: listUserRoles },
  { method: 'POST', path: '/api/v1/users/{id}/model-roles', handle: giveUserRole },
  { method: 'GET', path: '/api/v1/user-groups/{id}/model-roles', handle: listGroupRoles },
  { method: 'POST', path: '/api/v1/user-groups/{id}/model-roles', handle: giveGroupRole },
];

function listDefinitions({ state }: RouteRequest): Reply {
  return { status: 200, body: { records: state.settings.attributes.map(shownDefinition) } };
}

function listUserRoles({ state, id, query }: RouteRequest): Reply {
  const wanted = readRoleQuery(query);
  const membershipId = userId(state, id);
  const own = rolesOf(state, membershipId).map((role) => shownRole(role, { type: 'USER' }));
  const groups = [...state.groups.values()].filter((group) => group.members.has(membershipId));
  const inherited = groups.flatMap((group) => groupRoles(state, group.id));
  const results = [...own, ...inherited].filter(wanted);
  const resolved = results.map((role) => ({ ...role, resolved: isHighest(role, results) }));
  return { status: 200, body: { membershipId, results: resolved } };
}

function listGroupRoles({ state, id, query }: RouteRequest): Reply {
  const wanted = readRoleQuery(query);
  const userGroupId = groupId(state, id);
  return { status: 200, body: { userGroupId, results: groupRoles(state, userGroupId).filter(wanted) } };
}

function giveUserRole({ state, id, body }: RouteRequest): Reply {
  const role = readRole(state.settings, body);
  return { status: 200, body: { membershipId: given(state, userId(state, id), role), ...role } };
}

function giveGroupRole({ state, id, body }: RouteRequest): Reply {
  const role = readRole(state.settings, body);
  return { status: 200, body: { userGroupId: given(state, groupId(state, id), role), ...role } };
}

type ShownRole = ReturnType<typeof shownRole>;

function shownRole(role: Role, from: Readonly<Record<string, unknown>>) {
  const baseRole = Object.hasOwn(PRIORITIES, role.roleName) ? role.roleName : BASE_OF_CUSTOM;
  return { ...role, baseRole, priority: PRIORITIES[baseRole] ?? 0, from };
}

function groupRoles(state: State, id: string): ShownRole[] {
  const from = { type: 'GROUP', depth: 0, miniUuid: id, name: state.groups.get(id)?.displayName ?? '' };
  return rolesOf(state, id).map((role) => shownRole(role, from));
}

function isHighest(role: ShownRole, all: readonly ShownRole[]): boolean {
  const rivals = all.filter((each) => each.modelId === role.modelId);
  return rivals.find((each) => rivals.every((rival) => rival.priority <= each.priority)) === role;
}

/** No removal exists: a role that was given stays beside the next one. */
function given(state: State, id: string, role: Role): string {
  const others = rolesOf(state, id).filter(
    (each) => each.modelId !== role.modelId || each.roleName !== role.roleName,
  );
  state.roles.set(id, [...others, role]);
  return id;
}

function rolesOf(state: State, id: string): readonly Role[] {
  return state.roles.get(id) ?? [];
}

function readRole({ customRoles, models }: Settings, body: unknown): Role {
  const { roleName, modelId, connectionId } = parsed(assignRole, body);
  if (modelId === undefined && roleName !== 'CONNECTION_ADMIN')
    throw new Problem(400, 'modelId: Required except for CONNECTION_ADMIN');
  if (!Object.hasOwn(PRIORITIES, roleName) && !customRoles.includes(roleName))
    throw new Problem(422, 'Invalid role');
  const ofConnection = models.filter((each) => (connectionId ?? each.connectionId) === each.connectionId);
  if (ofConnection.length === 0) throw new Problem(404, 'Connection does not exist');
  const model = ofConnection.find((each) => (modelId ?? each.id) === each.id);
  if (model === undefined) throw new Problem(404, 'Model does not exist');
  return { roleName, modelId: model.id, connectionId: model.connectionId };
}

function readRoleQuery(query: URLSearchParams): (role: Role) => boolean {
  const { connectionId, modelId } = parsed(roleQuery, Object.fromEntries(query));
  return (role) =>
    role.connectionId === (connectionId ?? role.connectionId) && role.modelId === (modelId ?? role.modelId);
}

function userId(state: State, id: string): string {
  const user = state.users.get(id);
  if (user === undefined) throw new Problem(404, 'User not found in organization');
  return user.id;
}

function groupId(state: State, id: string): string {
  if (!state.groups.has(id)) throw new Problem(404, 'User group not found in organization');
  return id;
}
