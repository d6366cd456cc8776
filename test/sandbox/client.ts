/** A sandbox for one test, closed with it, and a plain client over its real port; asserts nothing. */
import { onTestFinished } from 'vitest';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../sandbox/server.ts';

export const KEY = 'omni-sandbox-key';
export const ATTRIBUTES = 'urn:omni:params:1.0:UserAttribute';
export const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const NOBODY = '00000000-0000-4000-8000-000000000000';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; undefined where it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails where it is not there
  readonly body: any;
}

export interface Asking {
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly redirect?: 'manual';
}

export type Ask = (method: string, path: string, body?: unknown, asking?: Asking) => Promise<Answer>;

export interface Opened {
  readonly sandbox: Sandbox;
  /** Paths are below the URL; a body that is text goes as it is. */
  readonly ask: Ask;
}

/** Starts a sandbox whose limit is out of the way unless the test sets one. */
export async function opened(options: SandboxOptions = {}): Promise<Opened> {
  const sandbox = await startSandbox({ requestsPerMinute: 100_000, ...options });
  onTestFinished(() => sandbox.close());
  return { sandbox, ask: asker(sandbox.url) };
}

export function asker(url: string): Ask {
  return async (method, path, body, asking = {}) => {
    const { key = KEY, headers = {}, ...rest } = asking;
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...rest,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: json(text) };
  };
}

export const USERS = '/api/scim/v2/users';

export function aUser(userName: string, attributes?: Record<string, unknown>) {
  return {
    displayName: `Name of ${userName}`,
    userName,
    ...(attributes ? { [ATTRIBUTES]: attributes } : {}),
  };
}

export function patch(...Operations: readonly unknown[]) {
  return { schemas: [PATCH_OP], Operations };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
