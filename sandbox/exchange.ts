/** One request from its arrival to its answer: key, limit, body, fault, route, log; knows no route by name. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseJson, readBody } from './body.ts';
import type { Call, Calls } from './calls.ts';
import { type Answer, canned, deliver, encoded, refusal, spoiled } from './deliver.ts';
import type { Fault, Faults } from './faults.ts';
import type { Keys } from './keys.ts';
import type { Limiter } from './limiter.ts';
import { Problem } from './problem.ts';
import { chosen, type Match, matchPath, type Route } from './route.ts';
import type { State } from './state.ts';

const BODY_LIMIT = 1024 * 1024;
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);

/** The parts of one sandbox. */
export interface House {
  readonly state: State;
  readonly keys: Keys;
  readonly limiter: Limiter;
  readonly faults: Faults;
  readonly calls: Calls;
  readonly routes: readonly Route[];
  /** `performance.now()` at the start. */
  readonly startedAt: number;
  /** Aborted when the sandbox stops: nothing that waits then is carried out. */
  readonly stopping: AbortSignal;
  /** Connections whose next request is reset. */
  readonly doomed: WeakSet<Socket>;
}

interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly match: Match;
  readonly call: Call;
}

/** Serves one request of the doubled API. Never throws but for a bug. */
export async function exchange(
  house: House,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const visit = arrived(house, request, response);
  const { call } = visit;
  response.once('close', () => {
    call.durationMs = performance.now() - house.startedAt - call.at;
  });
  try {
    await served(house, visit);
  } catch (error) {
    if (error instanceof Problem) return sent(house, visit, refusal(error, house.state.settings.errorShape));
    call.status = 0;
    response.destroy();
    // Else the client went away in the middle of its body: no bug, and nobody to answer.
    if (!house.stopping.aborted && request.complete) throw error;
  }
}

function arrived(house: House, request: IncomingMessage, response: ServerResponse): Visit {
  const path = request.url ?? '/';
  const cut = path.indexOf('?');
  const match = matchPath(house.routes, cut < 0 ? path : path.slice(0, cut));
  const call = house.calls.open({
    at: performance.now() - house.startedAt,
    key: house.keys.nameOf(request.headers.authorization),
    method: request.method ?? 'GET',
    path,
    route: match.path,
  });
  const query = new URLSearchParams(cut < 0 ? '' : path.slice(cut + 1));
  return { request, response, query, match, call };
}

async function served(house: House, visit: Visit): Promise<void> {
  const { call, request } = visit;
  if (house.doomed.has(request.socket)) {
    call.fault = 'idleClose';
    return reset(visit);
  }
  house.keys.admit(request.headers.authorization, house.state.settings);
  throttle(house, call);
  const bytes = await readBody(request, BODY_LIMIT);
  Object.assign(call, concerned(house.state, visit, bytes));
  const fault = house.faults.pick({ method: call.method, path: call.route, userName: call.userName });
  call.fault = fault?.kind;
  if (fault?.kind === 'reset') return reset(visit);
  if (fault?.kind === 'delay') await pause(house, fault.ms);
  const instead = canned(fault);
  if (instead !== undefined && !commits(fault)) return sent(house, visit, instead, fault);
  const real = carriedOut(house, visit, bytes);
  await sent(house, visit, spoiled(fault, instead ?? real), fault);
}

function commits(fault: Fault | undefined): boolean {
  return fault !== undefined && 'commit' in fault && fault.commit === true;
}

function carriedOut(house: House, visit: Visit, bytes: Buffer): Answer {
  const { call, match, query, request } = visit;
  const { state } = house;
  try {
    const route = chosen(match, call.method);
    const body = WITH_BODY.has(call.method) ? parseJson(request.headers['content-type'], bytes) : undefined;
    const wasActive = isActive(state, match.id);
    const reply = route.handle({ state, id: match.id, query, body });
    call.committed = call.method !== 'GET';
    call.removed = wasActive && !isActive(state, match.id);
    call.id ??= textField(reply.body, 'id');
    return encoded(reply);
  } catch (error) {
    if (error instanceof Problem) return refusal(error, state.settings.errorShape);
    throw error;
  }
}

function isActive({ users }: State, id: string): boolean {
  return users.get(id)?.active === true;
}

function throttle(house: House, call: Call): void {
  const { settings } = house.state;
  const wait = house.limiter(call.key, call.at, settings);
  if (wait === 0) return;
  const date = new Date(Math.ceil((Date.now() + wait) / 1000) * 1000).toUTCString();
  const values = { none: undefined, seconds: String(Math.ceil(wait / 1000)), date };
  const value = values[settings.retryAfter];
  throw new Problem(429, 'Too many requests', value === undefined ? {} : { 'Retry-After': value });
}

/** Whom a request is about, as far as it says so: its body, its filter, or the account of its id. */
function concerned(state: State, { match, query }: Visit, bytes: Buffer): Pick<Call, 'userName' | 'id'> {
  const user = state.users.get(match.id) ?? state.embedUsers.get(match.id);
  const filtered = /^userName eq "(.*)"$/i.exec(query.get('filter') ?? '')?.[1];
  const userName = user?.userName ?? textField(leniently(bytes), 'userName') ?? filtered;
  return { userName, id: match.id || undefined };
}

function leniently(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

function textField(body: unknown, name: string): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const value: unknown = Object.entries(body).find(([key]) => key === name)?.[1];
  return typeof value === 'string' ? value : undefined;
}

function sent(house: House, { call, request, response }: Visit, ready: Answer, fault?: Fault): Promise<void> {
  call.status = fault?.kind === 'dropAfterCommit' ? 0 : ready.status;
  const doom = () => house.doomed.add(request.socket);
  return deliver({ response, doom, pause: (ms) => pause(house, ms) }, ready, fault);
}

function reset({ call, request }: Visit): void {
  call.status = 0;
  request.socket.resetAndDestroy();
}

function pause(house: House, ms: number): Promise<unknown> {
  return sleep(ms, undefined, { signal: house.stopping });
}
