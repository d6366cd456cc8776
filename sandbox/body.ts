/** Reads the body of a request, at most so many bytes of it. */
import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.ts';

/** The JSON in a body. @throws Problem 413, 415 or 400 */
export function parseJson(contentType: string | undefined, bytes: Buffer): unknown {
  if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(contentType ?? ''))
    throw new Problem(415, 'Expected Content-Type: application/json');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Problem(400, 'body: is not JSON');
  }
}

/**
 * All bytes of a body. Past `limit` it reads no further.
 * @throws Problem 413; the stream's own error where the client went away
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  if (Number(request.headers['content-length']) > limit) throw tooLarge(limit);
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(limit: number): Problem {
  return new Problem(413, `body: larger than ${limit} bytes`);
}
