/** The stream that a status page follows: the parts that have changed, as server-sent events. One look serves until the next. */
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Html } from './html.ts';

const LOOK_MS = 1_500;
/** How often an idle stream says that it is there: proxies cut what is silent. */
const ALIVE_LOOKS = 10;

/** Looks again and again, and sends what differs from what it sent before, until the reader goes. */
export function liveStream(look: () => Promise<Readonly<Record<string, Html>>>): Readable {
  const closing = new AbortController();
  const stream = Readable.from(events(look, closing.signal));
  stream.once('close', () => closing.abort());
  return stream;
}

async function* events(
  look: () => Promise<Readonly<Record<string, Html>>>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const sent = new Map<string, string>();
  for (let looks = 0; !signal.aborted; looks++) {
    // Redis may be away for a while: the page keeps what it shows.
    const parts = await look().catch(() => undefined);
    const changed = Object.entries(parts ?? {}).filter(([id, { text }]) => sent.get(id) !== text);
    for (const [id, { text }] of changed) sent.set(id, text);
    if (changed.length > 0) {
      yield `event: parts\ndata: ${JSON.stringify(Object.fromEntries(changed.map(([id, { text }]) => [id, text])))}\n\n`;
    } else if (parts === undefined) yield 'event: away\ndata: {}\n\n';
    else if (looks % ALIVE_LOOKS === 0) yield ': alive\n\n';
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}
