/**
 * One LDAP connection: requests out, answers in, on ldapts's messages. ldapts's own client is not used, as it hides
 * the paging cookie, ends paging at an empty page, and reconnects without binding: each would be a short read.
 * Never repeats a request and never opens a second connection.
 */
import type { Socket } from 'node:net';
import {
  type BindRequest,
  type Control,
  type ExtendedRequest,
  ExtendedResponse,
  MessageParser,
  SearchEntry,
  SearchReference,
  type SearchRequest,
  UnbindRequest,
} from 'ldapts';

type Request = BindRequest | ExtendedRequest | SearchRequest;

/** The message that ends an answer (RFC 4511, 4.1.9). */
export interface WireResult {
  readonly status: number;
  /** The server's own words: they may hold DNs. */
  readonly errorMessage: string;
  readonly controls?: readonly Control[] | undefined;
}

/** What a request brought: its final message, and the entries and references before it. */
export interface WireAnswer {
  readonly end: WireResult;
  readonly entries: readonly SearchEntry[];
  readonly references: readonly string[];
}

/** No whole answer came: the connection ended, time ran out, it was no LDAP, or one message or all of it was too large. */
export class WireFailure extends Error {
  readonly code: 'cut' | 'timeout' | 'protocol' | 'too_large' | 'answer_too_large';

  constructor(code: WireFailure['code'], cause?: unknown) {
    super(`LDAP connection: ${code}`, cause === undefined ? undefined : { cause });
    this.name = 'WireFailure';
    this.code = code;
  }
}

interface Pending {
  readonly message: Request;
  readonly entries: SearchEntry[];
  readonly references: string[];
  readonly resolve: (answer: WireAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** The most that one entry or answer may take, in bytes. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** The most that the whole answer to one request, a page of entries, may take, in bytes. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** Each LDAP message is a SEQUENCE (RFC 4511, 4.2): what starts otherwise is TLS, HTTP or else. */
const SEQUENCE = 0x30;

/**
 * Speaks LDAP on a socket that is connected already, one request at a time. Each must be answered whole within the time given;
 * after any failure the connection is dead.
 */
export class Wire {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #parser = new MessageParser();
  readonly #pending = new Map<string, Pending>();
  #dead: Error | undefined;
  #lastId = 0;
  #unparsedBytes = 0;
  /** Of the answer to the last request. */
  #answerBytes = 0;
  #hasAnswered = false;

  /** `timeoutMs` is for each request. */
  constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#parser.on('error', () => this.#fail(new WireFailure('protocol')));
    this.#parser.on('message', (message) => this.#onMessage(message));
    socket.on('data', this.#onData).on('error', this.#onError);
    socket.on('end', this.#onClose).on('close', this.#onClose);
  }

  /**
   * Sends what `build` makes of a fresh message id, and waits for its whole answer.
   * @throws WireFailure where none came, or the reason that the wire was closed with.
   */
  request(build: (messageId: number) => Request): Promise<WireAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#dead !== undefined) {
        reject(this.#dead);
        return;
      }
      this.#lastId += 1;
      this.#answerBytes = 0;
      const message = build(this.#lastId);
      const timer = setTimeout(() => this.#fail(new WireFailure('timeout')), this.#timeoutMs);
      this.#pending.set(String(this.#lastId), {
        message,
        entries: [],
        references: [],
        resolve,
        reject,
        timer,
      });
      this.#socket.write(message.write());
    });
  }

  /** Stops listening and leaves the socket open, for the change to TLS. */
  detach(): void {
    this.#socket.off('data', this.#onData).off('error', this.#onError);
    this.#socket.off('end', this.#onClose).off('close', this.#onClose);
    this.#dead = new WireFailure('cut');
  }

  /** Says goodbye and closes; what still waits fails with `reason`. */
  close(reason?: Error): void {
    if (this.#dead === undefined && reason === undefined) {
      this.#socket.end(new UnbindRequest({ messageId: this.#lastId + 1 }).write());
    }
    this.#fail(reason ?? new WireFailure('cut'));
  }

  readonly #onData = (data: Buffer): void => {
    if (!this.#hasAnswered && data[0] !== SEQUENCE) {
      this.#fail(new WireFailure('protocol'));
      return;
    }
    this.#hasAnswered = true;
    this.#answerBytes += data.length;
    if (this.#answerBytes > MAX_ANSWER_BYTES) {
      this.#fail(new WireFailure('answer_too_large'));
      return;
    }
    this.#unparsedBytes += data.length;
    this.#parser.read(data, this.#pending);
    if (this.#unparsedBytes > MAX_MESSAGE_BYTES) this.#fail(new WireFailure('too_large'));
  };
  readonly #onClose = (): void => {
    this.#fail(new WireFailure('cut'));
  };
  readonly #onError = (error: Error): void => {
    this.#fail(new WireFailure('cut', error));
  };

  #onMessage(message: WireResult & { readonly messageId: number }): void {
    this.#unparsedBytes = 0;
    const id = String(message.messageId);
    const waiting = this.#pending.get(id);
    if (waiting === undefined) {
      this.#fail(new WireFailure(isNotice(message) ? 'cut' : 'protocol'));
      return;
    }
    if (!take(waiting, message)) return;
    this.#pending.delete(id);
    clearTimeout(waiting.timer);
    waiting.resolve({ end: message, entries: waiting.entries, references: waiting.references });
  }

  #fail(error: Error): void {
    this.#dead ??= error;
    for (const waiting of this.#pending.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(this.#dead);
    }
    this.#pending.clear();
    this.#socket.destroy();
  }
}

/** Keeps an entry or a reference; true where `message` ends the answer. */
function take(waiting: Pending, message: object): boolean {
  if (message instanceof SearchEntry) waiting.entries.push(message);
  else if (message instanceof SearchReference) waiting.references.push(...message.uris);
  else return true;
  return false;
}

/** The server's notice of disconnection has message id 0 (RFC 4511, 4.4.1). */
function isNotice(message: object): boolean {
  return message instanceof ExtendedResponse && message.messageId === 0;
}
