/** `omni-sync keep`: leaves accounts as they are, whatever the directory says; `--undo` takes that back. */
import { SyncError } from '../model/errors.ts';
import { cliActor } from '../worker/actor.ts';
import { operationsOf } from '../worker/operations.ts';
import { type CommonOptions, eachSync, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { say } from './print.ts';
import { unknownToAll } from './unknown.ts';

export interface KeepOptions extends CommonOptions {
  /** Take it back. */
  readonly undo?: boolean;
}

/** Keeps leavers: they are not taken away, now or later; and held changes: they are not made. @throws SyncError `config` for somebody who is neither. */
export async function keep(options: KeepOptions, people: readonly string[]): Promise<number> {
  if (people.length === 0) throw new SyncError('config', 'cli.keep', 'name the people to keep');
  const undo = options.undo === true;
  return withDaemon(options, 'error', async (daemon) => {
    const acts = await eachSync(daemon, async (sync) => {
      const operations = operationsOf(sync);
      const act = undo
        ? await operations.unkeep(people, cliActor())
        : await operations.keep(people, cliActor());
      const now = undo ? 'is kept no more: the next run decides' : 'is kept';
      for (const sourceId of act.done) say(`${sync.name}: ${sourceId} ${now}`);
      return act;
    });
    const unknown = unknownToAll(acts);
    if (unknown.length === 0) return EXIT.inStep;
    throw new SyncError(
      'config',
      'cli.person',
      `nobody who is ${undo ? 'kept' : 'about to be taken away, or held,'} is called ${unknown.join(', ')}; \`omni-sync leavers\` lists them`,
    );
  });
}
