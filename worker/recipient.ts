/** Somebody who is told of alarms: a webhook, its body signed, or a command with the message on its standard input. */
import { execFile } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import pRetry from 'p-retry';
import type { Http } from '../http/http.ts';
import type { AlarmEvent } from '../model/alarm.ts';

/** Exactly one of `webhook` and `command` is there. */
export interface RecipientConfig {
  readonly webhook?: string;
  /** Signs the body. */
  readonly secret?: string;
  readonly command?: readonly [string, ...string[]];
  readonly on: readonly AlarmEvent[];
}

/** What is sent, as JSON; `text` is what Slack and its like show. */
export interface Message {
  readonly text: string;
  readonly event: AlarmEvent;
  readonly state: 'firing' | 'resolved';
  readonly sync: string;
  /** ISO 8601. */
  readonly at: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface Recipient {
  /** A short hash of whom: who is told again after another start must be known as the same. */
  readonly id: string;
  readonly on: readonly AlarmEvent[];
  /** @throws Error where it could not be told; never with its address. */
  tell(message: Message): Promise<void>;
}

const COMMAND = { timeout: 30_000, killSignal: 'SIGKILL', maxBuffer: 1024 * 1024 } as const;
/** In a pass; a later pass tries again. */
const RETRIES = { retries: 2, minTimeout: 500, maxTimeout: 2_000 } as const;

/** The recipient that a configuration names. */
export function recipientOf({ webhook, secret, command, on }: RecipientConfig, send: Http): Recipient {
  const whom = JSON.stringify([webhook ?? '', ...(command ?? [])]);
  return {
    id: createHash('sha256').update(whom).digest('base64url').slice(0, 10),
    on,
    async tell(message) {
      if (webhook !== undefined) await pRetry(() => post({ url: webhook, secret, message }, send), RETRIES);
      if (command !== undefined) await run(command, message);
    },
  };
}

interface Posting {
  readonly url: string;
  readonly secret: string | undefined;
  readonly message: Message;
}

async function post({ url, secret, message }: Posting, send: Http): Promise<void> {
  const time = String(Math.floor(Date.now() / 1000));
  // The client sends the body as JSON.stringify writes it.
  const signature = secret === undefined ? undefined : signatureOf(secret, time, JSON.stringify(message));
  const headers = {
    'X-Omni-Sync-Timestamp': time,
    ...(signature !== undefined && { 'X-Omni-Sync-Signature': signature }),
  };
  const { status } = await send({ method: 'POST', url, body: message, headers });
  if (status >= 300) throw new Error(`the webhook answered ${status}`);
}

/** `v1=` and the HMAC-SHA256, in hex, of the timestamp, a dot and the body. */
export function signatureOf(secret: string, time: string, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`;
}

function run([program, ...args]: readonly [string, ...string[]], message: Message): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, COMMAND, (error) => {
      if (error === null) resolve();
      else reject(new Error(`the command ended with ${error.code ?? error.signal ?? 'an error'}`));
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(JSON.stringify(message));
  });
}
