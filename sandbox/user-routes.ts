/** Reading users and making new ones: /api/scim/v2/users. Changing them is user-changes.ts. */
import { merged, type StoredAttributes, shown } from './attributes.ts';
import { type Filterable, parseFilter, passes } from './filter.ts';
import { page, readListQuery } from './list.ts';
import { parsed } from './parse.ts';
import { Problem } from './problem.ts';
import type { Reply, Route, RouteRequest } from './route.ts';
import { ATTRIBUTES, createUser } from './schemas.ts';
import type { Settings } from './settings.ts';
import { forgetUser, type State } from './state.ts';
import { changeUser, replaceUser } from './user-changes.ts';
import type { User, Users } from './users.ts';

const CORE = 'urn:ietf:params:scim:schemas:core:2.0:User';
const BY_USER_NAME: Filterable = { attribute: 'userName', operators: ['eq', 'co'] };
const NOBODY: StoredAttributes = new Map();

export const userRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/scim/v2/users', handle: listUsers },
  { method: 'POST', path: '/api/scim/v2/users', handle: postUser },
  { method: 'GET', path: '/api/scim/v2/users/{id}', handle: getUser },
  { method: 'PATCH', path: '/api/scim/v2/users/{id}', handle: patchUserById },
  { method: 'PUT', path: '/api/scim/v2/users/{id}', handle: putUserById },
  { method: 'DELETE', path: '/api/scim/v2/users/{id}', handle: deleteUser },
];

/** Embed users: read and hard delete only. They come by the control API. */
export const embedRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/scim/v2/embed/users', handle: listEmbedUsers },
  {
    method: 'GET',
    path: '/api/scim/v2/embed/users/{id}',
    handle: ({ state, id }) => ({ status: 200, body: whole(state, existing(state.embedUsers, id)) }),
  },
  {
    method: 'DELETE',
    path: '/api/scim/v2/embed/users/{id}',
    handle: ({ state, id }) => {
      state.embedUsers.remove(existing(state.embedUsers, id));
      return { status: 204 };
    },
  },
];

/** A user as a list shows it: without the attribute map. */
function listItem(state: State, user: User): Record<string, unknown> {
  const groups = [...state.groups.values()].filter((group) => group.members.has(user.id));
  return {
    active: user.active,
    displayName: user.displayName,
    emails: [{ primary: true, value: user.userName }],
    groups: groups.map((group) => ({ display: group.displayName, value: group.id })),
    id: user.id,
    meta: {
      created: new Date(user.createdAt).toISOString(),
      lastModified: new Date(user.modifiedAt).toISOString(),
      resourceType: 'User',
    },
    schemas: [CORE],
    userName: user.userName,
  };
}

/** A user as an answer about that user alone shows it. */
function whole(state: State, user: User): Record<string, unknown> {
  return { ...listItem(state, user), [ATTRIBUTES]: shown(state.settings, user.attributes) };
}

function existing(users: Users, id: string): User {
  const user = users.get(id);
  if (user === undefined) throw new Problem(404, 'User not found');
  return user;
}

function listUsers({ state, query }: RouteRequest): Reply {
  const asked = readListQuery(query);
  const { settings } = state;
  const visible = (user: User) => user.active || settings.listInactive;
  const users = matching(state.users, asked.filter).filter(visible);
  return { status: 200, body: page(users, asked, { settings, show: (user) => listItem(state, user) }) };
}

function listEmbedUsers({ state, query }: RouteRequest): Reply {
  const asked = readListQuery(query);
  const users = matching(state.embedUsers, asked.filter);
  const show = (user: User) => listItem(state, user);
  return { status: 200, body: page(users, asked, { settings: state.settings, show }) };
}

function matching(users: Users, text: string | undefined): readonly User[] {
  if (text === undefined) return users.list();
  const filter = parseFilter(text, BY_USER_NAME);
  if (filter.operator === 'eq') return [users.find(filter.value) ?? []].flat();
  return users.list().filter((user) => passes(filter, user.userName));
}

function getUser({ state, id }: RouteRequest): Reply {
  return { status: 200, body: whole(state, existing(state.users, id)) };
}

function postUser({ state, body }: RouteRequest): Reply {
  const { settings, users } = state;
  const sent = parsed(createUser, body);
  const attributes = merged(settings, NOBODY, sent[ATTRIBUTES]);
  const old = users.find(sent.userName);
  const revoked = old?.active === false || (old === undefined && users.wasDeleted(sent.userName));
  if (old?.active === true || (revoked && settings.revokedPost === 'conflict'))
    throw new Problem(409, 'User with this email already exists');
  if (old !== undefined) {
    users.remove(old);
    forgetUser(state, old.id);
  }
  const user = users.add({
    displayName: sent.displayName,
    userName: stored(settings, sent.userName),
    attributes,
  });
  return { status: 201, body: whole(state, user) };
}

function stored(settings: Settings, address: string): string {
  return settings.lowerCaseAddresses ? address.toLowerCase() : address;
}

function patchUserById({ state, id, body }: RouteRequest): Reply {
  return { status: 200, body: whole(state, changeUser(state, existing(state.users, id), body)) };
}

function putUserById({ state, id, body }: RouteRequest): Reply {
  return { status: 200, body: whole(state, replaceUser(state, existing(state.users, id), body)) };
}

function deleteUser({ state, id }: RouteRequest): Reply {
  const user = existing(state.users, id);
  state.users.remove(user);
  forgetUser(state, user.id);
  return { status: 204 };
}
