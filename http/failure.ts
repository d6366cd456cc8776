/** Turns whatever a request died of into an HttpFailure that holds nothing of the request but its method and origin. */
import { isAxiosError } from 'axios';
import { HttpFailure } from './http.ts';

/** What is known of a request when it fails. */
export interface Attempt {
  readonly method: string;
  readonly origin: string;
  /** Whether a connection that was up had been given to it. */
  readonly sent: boolean;
  /** Who stopped it, where somebody did. */
  readonly stopped?: 'DEADLINE' | 'ABORTED' | undefined;
}

const TLS = 'the certificate or the TLS version was refused; check `ca`, the host name, and the clock';

const REASONS: Readonly<Record<string, string>> = {
  ABORTED: 'stopped by the caller',
  ANSWER_TOO_LARGE: 'the answer was larger than is accepted',
  BAD_URL: 'the URL must be absolute and hold no credentials',
  DEADLINE: 'no whole answer came in time',
  EAI_AGAIN: 'the name server did not answer',
  ECONNREFUSED: 'nobody listens there; check the host and the port',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'the host name is not known; check the URL',
  EPIPE: 'the connection was cut',
  FORBIDDEN_ADDRESS: 'the host is, or its name leads to, a link-local, unspecified or metadata address',
  INSECURE_URL: 'https is required (http only for this machine)',
  PROXY_REFUSED: 'the proxy did not open a tunnel; check `proxy` and its credentials',
  REQUEST_TOO_LARGE: 'the request is larger than is sent',
};

/** An error that carries nothing but its code. */
export function codedError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

/** An HttpFailure with the words for `code`. */
export function failure(code: string, attempt: Attempt): HttpFailure {
  const reason = REASONS[code] ?? (isTls(code) ? TLS : 'the request failed');
  return new HttpFailure(code, attempt.sent, `${attempt.method} ${attempt.origin}: ${reason} (${code})`);
}

/**
 * The failure that `error` stands for. Axios's own errors hold the whole request, key included, so nothing of
 * them is kept but the code. An error without a code is a bug and is returned as it is.
 */
export function failureOf(error: unknown, attempt: Attempt): unknown {
  if (attempt.stopped !== undefined) return failure(attempt.stopped, attempt);
  const code = codeOf(error);
  return code === undefined ? error : failure(code, attempt);
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // Axios has one code for an answer that is too large and for one that was cut.
  if (isAxiosError(error) && error.message.startsWith('maxContentLength')) return 'ANSWER_TOO_LARGE';
  if (isAxiosError(error) && error.code === 'ERR_BAD_RESPONSE') return 'ECONNRESET';
  if ('code' in error && typeof error.code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(error.code))
    return error.code;
  return isAxiosError(error) ? 'FAILED' : undefined;
}

function isTls(code: string): boolean {
  return /CERT|_SSL_|_TLS_|EPROTO|SIGNATURE|ISSUER/.test(code);
}
