/** One outgoing HTTP request as both sides use it: the types that omni/ and directory/ hold on to. */

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute, https (http for loopback alone), without credentials. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** An answer, whatever its status: the body is text, parsed by nobody yet. Header names are lower case. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Sends a request once and returns its answer, of any status: a redirect is an answer too.
 * @throws HttpFailure where no whole answer came.
 */
export type Http = (request: HttpRequest) => Promise<HttpAnswer>;

/**
 * No whole answer came. `sent` is false only where the request provably never reached the other side's
 * application (name not found, connection refused, TLS refused): only then may a POST be repeated.
 * `code` is the system's (`ECONNREFUSED`, `CERT_HAS_EXPIRED`) or one of ours: `DEADLINE`, `ABORTED`, `BAD_URL`,
 * `INSECURE_URL`, `FORBIDDEN_ADDRESS`, `REQUEST_TOO_LARGE`, `ANSWER_TOO_LARGE`, `PROXY_REFUSED`.
 * Never carries a header, a body or a URL's path and query.
 */
export class HttpFailure extends Error {
  readonly code: string;
  readonly sent: boolean;

  constructor(code: string, sent: boolean, message: string) {
    super(message);
    this.name = 'HttpFailure';
    this.code = code;
    this.sent = sent;
  }
}
