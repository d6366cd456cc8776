/** Reads a file of links whole before anything is done with it: each line, its end, and that nobody stands there twice. */
import { TextDecoder } from 'node:util';
import { SyncError } from '../model/errors.ts';
import { addressKey } from '../model/person.ts';
import { type CarriedLink, type LinkFileHead, readLine } from '../plan/link-file.ts';

export interface LinkFile {
  readonly head: LinkFileHead;
  readonly rows: readonly CarriedLink[];
}

/** So many faults are told. */
const TOLD = 20;
const MAX_LINE = 65_536;

/** @throws SyncError `config` `links.file`, with each fault and its line: nothing of such a file is used. */
export async function readLinkFile(chunks: AsyncIterable<Buffer>): Promise<LinkFile> {
  const reading = startReading();
  for await (const line of linesOf(chunks)) reading.take(line);
  return reading.end();
}

async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoded(decoder, chunk)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > MAX_LINE) throw refusal([`a line is longer than ${MAX_LINE} characters`]);
  }
  // A last line that does not end is one that was cut off.
  if (rest !== '') yield rest;
}

function decoded(decoder: TextDecoder, chunk: Buffer): string {
  try {
    return decoder.decode(chunk, { stream: true });
  } catch {
    throw refusal(['it is not UTF-8']);
  }
}

interface Reading {
  take(line: string): void;
  end(): LinkFile;
}

function startReading(): Reading {
  const faults: string[] = [];
  const rows: CarriedLink[] = [];
  const seen = new Map<string, number>();
  let head: LinkFileHead | undefined;
  let ended: number | undefined;
  let at = 0;
  const blame = (what: string) => void faults.push(`line ${at}: ${what}`);

  function once(what: string, value: string): void {
    const key = `${what} ${value}`;
    const earlier = seen.get(key);
    if (earlier === undefined) seen.set(key, at);
    else blame(`${what}: line ${earlier} has it too`);
  }

  function takeLink({ link, kept }: CarriedLink): void {
    once('sourceId', link.sourceId);
    once('omniId', link.omniId);
    once('userName', addressKey(link.userName));
    rows.push({ link, kept });
  }

  return {
    take(text) {
      at += 1;
      const line = readLine(text);
      if (at === 1 && line.kind !== 'head')
        throw refusal(['line 1: it is no file of links: the head is missing']);
      if (ended !== undefined) blame('it stands after the end');
      else if (line.kind === 'fault') blame(line.fault);
      else if (line.kind === 'link') takeLink(line.carried);
      else if (line.kind === 'end') ended = line.links;
      else if (at === 1) head = line.head;
      else blame('it is a second head');
    },
    end() {
      if (head === undefined) throw refusal(['it is empty']);
      if (ended === undefined) faults.push('its end is missing: it was cut off');
      else if (ended !== rows.length && faults.length === 0)
        faults.push(`its end counts ${ended} links, and there are ${rows.length}`);
      if (faults.length > 0) throw refusal(faults);
      return { head, rows };
    },
  };
}

function refusal(faults: readonly string[]): SyncError {
  const more = faults.length > TOLD ? [`and ${faults.length - TOLD} more`] : [];
  const told = [...faults.slice(0, TOLD), ...more].map((fault) => `  ${fault}`).join('\n');
  const mend = 'make a new one with `omni-sync links export --out FILE`, or mend the lines';
  return new SyncError(
    'config',
    'links.file',
    `the file of links is refused, and nothing is written:\n${told}\n${mend}`,
  );
}
