/** A refusal, thrown by whatever finds it, and the three shapes in which Omni was seen to word one. */
import type { Settings } from './settings.ts';

const CODES: Readonly<Record<number, string>> = {
  400: 'invalid_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  409: 'conflict',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  422: 'unprocessable',
  429: 'rate_limited',
};

/** An answer other than 2xx. */
export class Problem extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'Problem';
    this.status = status;
    this.headers = headers;
  }
}

/** The body of an error answer in the shape that the settings ask for. */
export function problemBody(problem: Problem, shape: Settings['errorShape']): Record<string, unknown> {
  if (shape === 'detail') return { detail: problem.message, status: problem.status };
  if (shape === 'plain') return { error: problem.message };
  return { error: CODES[problem.status] ?? 'error', message: problem.message };
}
