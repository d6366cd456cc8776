/**
 * Omni as the worker sees it: accounts that can be listed, found, created, changed and taken away. Nothing is written
 * but what the caller names, and nothing is believed that omni/wire.ts cannot read.
 */
import type { Http } from '../http/http.ts';
import type { Budget } from '../model/budget.ts';
import { SyncError } from '../model/errors.ts';
import { addressKey, type DesiredUser, type OmniUser } from '../model/person.ts';
import { type CallRetry, call, type Line } from './call.ts';
import { allPages } from './pages.ts';
import {
  type AttributeDefinition,
  activeBody,
  createBody,
  instanceRoot,
  PATHS,
  readDefinitions,
  readPage,
  readUser,
  type UserFields,
  updateBody,
  userNameFilter,
  userPath,
} from './wire.ts';

const PAGE_SIZE = 100;

const RETRY: CallRetry = { retries: 2, minTimeout: 250 };

export interface OmniOptions {
  /** As people write it: with or without `/api` or `/api/scim/v2`. */
  readonly baseUrl: string;
  readonly http: Http;
  /** Every request takes a turn of it, retries too. */
  readonly budget: Budget;
  /** What heals in seconds; two more tries from 250 ms on where left out. */
  readonly retry?: CallRetry;
}

/** Every function throws SyncError as omni/errors.ts has it, or the signal's reason where nothing was sent yet. */
export interface Omni {
  /** Every account, in pages, each account once. @throws SyncError `transient`, `omni.list-short`. */
  listUsers(signal?: AbortSignal): AsyncIterable<readonly OmniUser[]>;
  /**
   * The account with this userName, without case; Omni's filter is not trusted for it.
   * @throws SyncError `conflict`, `omni.many-matches`, where there are several.
   */
  findByUserName(userName: string, signal?: AbortSignal): Promise<OmniUser | undefined>;
  /** With its attributes. @throws SyncError `missing`. */
  getUser(omniId: string, signal?: AbortSignal): Promise<OmniUser>;
  /** Sent once, unless it was provably not sent or refused for its rate. Null attributes are left out. @throws SyncError `conflict`, `unknown`. */
  createUser(desired: DesiredUser, signal?: AbortSignal): Promise<OmniUser>;
  /** One PATCH of the named fields. @throws SyncError `missing`; TypeError where no field is named. */
  updateUser(omniId: string, fields: UserFields, signal?: AbortSignal): Promise<OmniUser>;
  /** Deactivation is to be taken as irreversible. @throws SyncError `missing`. */
  setActive(omniId: string, active: boolean, signal?: AbortSignal): Promise<OmniUser>;
  /** @throws SyncError `missing` where it is gone already; the caller decides what that means. */
  deleteUser(omniId: string, signal?: AbortSignal): Promise<void>;
  attributeDefinitions(signal?: AbortSignal): Promise<readonly AttributeDefinition[]>;
  /** The same client, spending another budget. */
  withBudget(budget: Budget): Omni;
}

/** A client of one Omni instance; holds no connection and no key of its own. */
export function createOmni(options: OmniOptions): Omni {
  const { http, budget, retry = RETRY } = options;
  const line: Line = { root: instanceRoot(options.baseUrl), http, budget, retry };
  return {
    listUsers: (signal) => list(line, { signal }),
    findByUserName: (userName, signal) => find(line, userName, signal),
    getUser: (omniId, signal) => call(line, { method: 'GET', ...one(omniId), signal }),
    createUser: (desired, signal) =>
      call(line, {
        method: 'POST',
        path: PATHS.users,
        body: createBody(desired),
        personal: valuesOf(desired),
        signal,
        read: (body) => readUser(body),
      }),
    updateUser: (omniId, fields, signal) =>
      call(line, {
        method: 'PATCH',
        ...one(omniId),
        body: updateBody(fields),
        personal: valuesOf(fields),
        signal,
      }),
    setActive: (omniId, active, signal) =>
      call(line, { method: 'PATCH', ...one(omniId), body: activeBody(active), signal }),
    deleteUser: (omniId, signal) =>
      call(line, { method: 'DELETE', path: userPath(omniId), signal, read: readNothing }),
    attributeDefinitions: (signal) =>
      call(line, { method: 'GET', path: PATHS.attributes, signal, read: readDefinitions }),
    withBudget: (other) => createOmni({ ...options, budget: other }),
  };
}

function one(omniId: string) {
  return { path: userPath(omniId), read: (body: string) => readUser(body, omniId) };
}

/** A deletion has nothing to say: a page of a portal that answers 200 is not believed. */
function readNothing(body: string): { value: undefined } | { why: string } {
  return body.trim() === '' ? { value: undefined } : { why: 'nothing was expected' };
}

interface Listing {
  readonly userName?: string;
  readonly signal: AbortSignal | undefined;
}

function list(line: Line, { userName, signal }: Listing): AsyncIterable<readonly OmniUser[]> {
  const filter = userName === undefined ? '' : `&filter=${userNameFilter(userName)}`;
  const personal = userName === undefined ? [] : [userName];
  return allPages((startIndex) => {
    const query = `?count=${PAGE_SIZE}&startIndex=${startIndex}${filter}`;
    return call(line, { method: 'GET', path: PATHS.users, query, personal, signal, read: readPage });
  });
}

async function find(line: Line, userName: string, signal?: AbortSignal): Promise<OmniUser | undefined> {
  const key = addressKey(userName);
  for await (const page of list(line, { userName: userName.trim(), signal })) {
    const matches = page.filter((user) => addressKey(user.userName) === key);
    if (matches.length > 1) throw manyMatches(matches);
    if (matches[0] !== undefined) return matches[0];
  }
  return undefined;
}

function manyMatches(matches: readonly OmniUser[]): SyncError {
  const ids = matches.slice(0, 5).map(({ id }) => id);
  const message = `Looking up a userName: one account was expected, ${matches.length} have it (${ids.join(', ')}); merge them in Omni.`;
  return new SyncError('conflict', 'omni.many-matches', message);
}

/** What an answer may echo of a person: the values, and the words of the name. */
function valuesOf({ userName, displayName, attributes }: UserFields): readonly string[] {
  const values = Object.values(attributes ?? {}).flat();
  const names = [userName ?? '', displayName ?? '', ...(displayName ?? '').split(/\s+/)];
  return [...names, ...values.filter((value) => value !== null).map(String)];
}
