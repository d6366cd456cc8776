/** The controls over HTTP, under /_sandbox/: no key, never in the call log, loopback alone since the server is. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { parseJson, readBody } from './body.ts';
import { type Controls, seedUser } from './controls.ts';
import { deliver, encoded, refusal } from './deliver.ts';
import { faultRule } from './faults.ts';
import { parsed } from './parse.ts';
import { Problem } from './problem.ts';
import type { Reply } from './route.ts';
import { settingsSchema } from './settings.ts';

export const CONTROL_PREFIX = '/_sandbox/';

/** Room for a hundred thousand seeded accounts. */
const BODY_LIMIT = 64 * 1024 * 1024;

interface Asked {
  readonly controls: Controls;
  readonly body: unknown;
  readonly query: URLSearchParams;
}

const since = z.object({ since: z.string().regex(/^\d+$/, 'Expected a sequence number').optional() });
const users = z.strictObject({ users: z.array(seedUser) });
const keys = z.strictObject({
  add: z.array(z.string().min(1)).default([]),
  revoke: z.array(z.string()).default([]),
});

const ACTIONS: Readonly<Record<string, (asked: Asked) => Reply>> = {
  'GET state': ({ controls }) => ({ status: 200, body: controls.state() }),
  'GET calls': ({ controls, query }) => {
    const from = parsed(since, Object.fromEntries(query)).since;
    return { status: 200, body: { calls: controls.calls(Number(from ?? 0)) } };
  },
  'DELETE calls': ({ controls }) => done(() => controls.clearCalls()),
  'POST faults': ({ controls, body }) => done(() => controls.fault(parsed(faultRule, body))),
  'DELETE faults': ({ controls }) => done(() => controls.clearFaults()),
  'POST users': ({ controls, body }) => {
    const ids = controls.seed(parsed(users, body).users);
    return { status: 201, body: { ids } };
  },
  'POST settings': ({ controls, body }) => done(() => controls.set(parsed(settingsSchema, body))),
  'POST keys': ({ controls, body }) => {
    const { add, revoke } = parsed(keys, body);
    for (const key of revoke) controls.revokeKey(key);
    return { status: 200, body: { added: add.map((key) => controls.addKey(key)) } };
  },
};

/** Serves one control request. */
export async function control(
  controls: Controls,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const wire = { response, pause: () => Promise.resolve(), doom: () => undefined };
  try {
    await deliver(wire, encoded(await acted(controls, request)), undefined);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    await deliver(wire, refusal(error, 'message'), undefined);
  }
}

async function acted(controls: Controls, request: IncomingMessage): Promise<Reply> {
  const [path = '', query] = (request.url ?? '').split('?');
  const action = ACTIONS[`${request.method} ${path.slice(CONTROL_PREFIX.length)}`];
  if (action === undefined) throw new Problem(404, `Expected one of ${Object.keys(ACTIONS).join(', ')}`);
  const bytes = await readBody(request, BODY_LIMIT);
  const body = request.method === 'POST' ? parseJson(request.headers['content-type'], bytes) : undefined;
  return action({ controls, body, query: new URLSearchParams(query) });
}

function done(act: () => void): Reply {
  act();
  return { status: 204 };
}
