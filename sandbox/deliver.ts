/** Puts an answer on the wire, whole or spoiled as a fault asks; decides nothing about what the answer is. */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Fault } from './faults.ts';
import { type Problem, problemBody } from './problem.ts';
import type { Reply } from './route.ts';
import type { Settings } from './settings.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

const PAGE =
  '<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1><p>Please try again later.</p>';

/** A reply as bytes would have it: JSON, or no body at all. */
export function encoded({ status, body }: Reply): Answer {
  if (body === undefined) return { status, headers: {}, text: '' };
  return {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8' },
    text: JSON.stringify(body),
  };
}

/** A refusal as an answer, in the shape that is set. */
export function refusal(problem: Problem, shape: Settings['errorShape']): Answer {
  const answer = encoded({ status: problem.status, body: problemBody(problem, shape) });
  return { ...answer, headers: { ...answer.headers, ...problem.headers } };
}

/** What `status`, `redirect` and `html` answer in place of Omni; undefined for the other kinds. */
export function canned(fault: Fault | undefined): Answer | undefined {
  if (fault?.kind === 'redirect')
    return { status: fault.status, headers: { Location: fault.location }, text: '' };
  if (fault?.kind === 'html')
    return { status: fault.status, headers: { 'Content-Type': 'text/html; charset=utf-8' }, text: PAGE };
  if (fault?.kind !== 'status') return undefined;
  const raw =
    typeof fault.body === 'string' ? { status: fault.status, headers: {}, text: fault.body } : undefined;
  const answer = raw ?? encoded({ status: fault.status, body: fault.body });
  return { ...answer, headers: { ...answer.headers, ...fault.headers } };
}

/** The answer with its content spoiled, for the kinds that do so. */
export function spoiled(fault: Fault | undefined, answer: Answer): Answer {
  if (fault?.kind === 'malformed') return { ...answer, text: half(answer.text) };
  if (fault?.kind === 'empty') return { ...answer, text: '' };
  if (fault?.kind === 'wrongId')
    return { ...answer, text: answer.text.replaceAll(/"id":"[^"]*"/g, '"id":4711') };
  return answer;
}

/** How an answer goes out: `pause` ends early, by throwing, when the sandbox stops. */
export interface Wire {
  readonly response: ServerResponse;
  readonly pause: (ms: number) => Promise<unknown>;
  /** Called where the next request on this connection is to be reset. */
  readonly doom: () => void;
}

/** Sends the answer; resolves when all was handed to the connection, or the connection is gone. */
export async function deliver(wire: Wire, answer: Answer, fault: Fault | undefined): Promise<void> {
  const { response } = wire;
  if (fault?.kind === 'dropAfterCommit') response.destroy();
  else if (fault?.kind === 'cut') cut(response, answer);
  else if (fault?.kind === 'drip') await drip(wire, answer, fault);
  else if (fault?.kind === 'huge') await huge(response, answer, fault.bytes);
  else {
    if (fault?.kind === 'delayAfter') await wire.pause(fault.ms);
    if (fault?.kind === 'idleClose') await closeLater(wire, fault.ms);
    send(response, answer);
  }
}

function send(response: ServerResponse, { status, headers, text }: Answer): void {
  const length = status === 204 ? {} : { 'Content-Length': Buffer.byteLength(text) };
  response.writeHead(status, { ...headers, ...length });
  response.end(text);
}

function cut(response: ServerResponse, { status, headers, text }: Answer): void {
  const part = half(text);
  if (part === '') {
    response.destroy();
    return;
  }
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(text) });
  response.write(part, () => response.destroy());
}

async function drip(wire: Wire, answer: Answer, fault: Extract<Fault, { kind: 'drip' }>): Promise<void> {
  const { socket } = wire.response;
  if (socket === null) return;
  const head = headText(answer);
  const bytes = Buffer.from(head + answer.text);
  const whole = fault.part === 'head' ? 0 : Buffer.byteLength(head);
  socket.write(bytes.subarray(0, whole));
  for (const byte of bytes.subarray(whole)) {
    await wire.pause(fault.ms);
    if (socket.destroyed) return;
    socket.write(Buffer.of(byte));
  }
  socket.end();
}

/** By hand: node would send a head in one piece. */
function headText({ status, headers, text }: Answer): string {
  const all = { ...headers, 'Content-Length': Buffer.byteLength(text), Connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`;
}

async function huge(
  response: ServerResponse,
  { status, headers, text }: Answer,
  bytes: number,
): Promise<void> {
  response.writeHead(status, headers);
  // A client that has had enough closes the connection: that is how this is meant to end.
  await pipeline(Readable.from(padded(text, bytes)), response).catch(() => undefined);
}

function* padded(text: string, bytes: number): Generator<Buffer> {
  yield Buffer.from(text);
  const chunk = Buffer.alloc(65_536, ' ');
  for (let left = bytes - Buffer.byteLength(text); left > 0; left -= chunk.length)
    yield chunk.subarray(0, Math.min(left, chunk.length));
}

async function closeLater({ response, pause, doom }: Wire, ms: number | undefined): Promise<void> {
  const { socket } = response;
  if (ms === undefined) return doom();
  response.once('finish', () => {
    pause(ms).then(
      () => socket?.destroy(),
      () => undefined,
    );
  });
}

function half(text: string): string {
  return text.slice(0, Math.floor(text.length / 2));
}
