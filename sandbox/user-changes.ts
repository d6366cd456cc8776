/** PATCH and PUT of a user, with every unknown of theirs; all of a request is taken or none of it. */
import { merged } from './attributes.ts';
import { parsed } from './parse.ts';
import { Problem } from './problem.ts';
import { ATTRIBUTES, patchUser, putUser, type UserChange } from './schemas.ts';
import { forgetUser, type State } from './state.ts';
import type { User } from './users.ts';

/** Carries out a PATCH. @throws Problem 400, 404 or 409 */
export function changeUser(state: State, user: User, body: unknown): User {
  const { Operations } = parsed(patchUser, body);
  const after = Operations.reduce<User>((draft, change) => applied(state, draft, change), user);
  return committed(state, user, after);
}

/** Carries out a PUT as `settings.put` says. @throws Problem 400, 404, 405 or 409 */
export function replaceUser(state: State, user: User, body: unknown): User {
  const { put } = state.settings;
  if (put === 'refuse') throw new Problem(405, 'PUT is not supported', { Allow: 'GET, PATCH, DELETE' });
  const { userName, displayName, active, [ATTRIBUTES]: attributes } = parsed(putUser, body);
  const base: User =
    put === 'keep' ? user : { ...user, displayName: userName, active: true, attributes: new Map() };
  const change = { userName, displayName, active, [ATTRIBUTES]: attributes };
  return committed(state, user, applied(state, base, change));
}

function applied(state: State, draft: User, change: UserChange): User {
  return {
    ...draft,
    displayName: change.displayName ?? draft.displayName,
    active: change.active ?? draft.active,
    userName: renamed(state, draft, change.userName ?? draft.userName),
    attributes: merged(state.settings, draft.attributes, change[ATTRIBUTES]),
  };
}

function renamed(state: State, draft: User, sent: string): string {
  const { lowerCaseAddresses, rename } = state.settings;
  const wanted = lowerCaseAddresses ? sent.toLowerCase() : sent;
  if (wanted === draft.userName || rename === 'ignore') return draft.userName;
  if (rename === 'refuse') throw new Problem(400, 'userName: cannot be changed');
  return wanted;
}

function committed(state: State, before: User, after: User): User {
  refuseTaken(state, before, after.userName);
  if (before.active || !after.active) return state.users.update(before, after);
  return reactivated(state, before, after);
}

function refuseTaken(state: State, before: User, userName: string): void {
  const { settings, users } = state;
  if (userName.toLowerCase() === before.userName.toLowerCase()) return;
  const revoked = settings.revokedPost === 'conflict' && users.wasDeleted(userName);
  if (users.find(userName) !== undefined || revoked)
    throw new Problem(409, 'User with this email already exists');
}

function reactivated(state: State, before: User, after: User): User {
  const { reactivate } = state.settings;
  if (reactivate === 'missing') throw new Problem(404, 'User not found');
  if (reactivate === 'conflict') throw new Problem(409, 'User with this email already exists');
  if (reactivate === 'works') return state.users.update(before, after);
  // "Reactivating a user will create a new user": a person without history.
  state.users.remove(before);
  forgetUser(state, before.id);
  const { userName, displayName } = after;
  return state.users.add({ userName, displayName, attributes: new Map() });
}
