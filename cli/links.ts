/** `omni-sync links export` and `links import`: what is remembered of people, to carry over to another Redis. */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SyncError } from '../model/errors.ts';
import { cliActor } from '../worker/actor.ts';
import type { Daemon, Sync } from '../worker/compose.ts';
import { exportLinks } from '../worker/link-export.ts';
import { type ImportResult, importLinks } from '../worker/link-import.ts';
import { requireRoom } from '../worker/room.ts';
import { type CommonOptions, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { count, printJson, say } from './print.ts';
import { fileError, savePrivately } from './private-file.ts';

export interface LinksOptions extends CommonOptions {
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Writes the links of one sync to a file, or takes those of a file in. @throws SyncError `config` for words that it does not know. */
export async function links(options: LinksOptions, [what, file]: readonly string[]): Promise<number> {
  return what === 'export' ? exportTo(options, file) : importFrom(options, file);
}

function exportTo({ rebind: _, ...options }: LinksOptions, file: string | undefined): Promise<number> {
  if (file !== undefined) throw misused(`an export goes to standard output, or with --out ${file} there`);
  return withDaemon({ ...options, readOnly: true }, 'error', async (daemon) => {
    const lines = exportLinks(onlySync(daemon));
    if (options.out === undefined) await pipeline(Readable.from(lines), process.stdout, { end: false });
    else await savePrivately(options.out, lines, 'links');
    return EXIT.inStep;
  });
}

function importFrom(options: LinksOptions, file: string | undefined): Promise<number> {
  if (file === undefined) throw misused('name the file: `omni-sync links import FILE`');
  const { dryRun = false, rebind = false } = options;
  // The ledger's own identity is another matter: it is rebound by a run.
  return withDaemon({ ...options, rebind: false, readOnly: dryRun }, 'error', async (daemon) => {
    if (!dryRun) await requireRoom(daemon.redis);
    const about = { who: cliActor(), dryRun, rebind };
    const result = await importLinks(onlySync(daemon), chunksOf(file), about);
    if (options.json === true) printJson(result);
    else for (const line of linesOf(result, dryRun)) say(line);
    return result.left.length === 0 ? EXIT.inStep : EXIT.notInStep;
  });
}

/** A file is one sync's. */
function onlySync({ syncs }: Daemon): Sync {
  const [sync, ...others] = syncs;
  if (sync !== undefined && others.length === 0) return sync;
  throw misused(`say which sync with --sync: ${syncs.map(({ name }) => name).join(', ')}`);
}

function misused(message: string): SyncError {
  return new SyncError('config', 'cli.links', message);
}

async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path);
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw fileError('links', 'read', { path, error });
    throw error;
  }
}

function linesOf({ name, read, added, known, left }: ImportResult, dryRun: boolean): string[] {
  const links = count(read, 'link', 'links');
  const done = `${dryRun ? 'would be added' : 'added'}, ${known} known already`;
  const next = dryRun ? 'nothing was written' : 'the next reconcile looks at everybody anew';
  return [
    `${name}: ${links} in the file, ${added} ${done}; ${next}`,
    ...left.map(
      (sourceId) => `  left: ${sourceId}: the account is being written to now; import the file again`,
    ),
  ];
}
