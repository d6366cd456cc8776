/** `omni-sync keep`: protects people, whatever the directory says of them. */
import { SyncError } from '../model/errors.ts';
import { operationsOf } from '../worker/operations.ts';
import { type CommonOptions, EXIT, eachSync, withDaemon } from './context.ts';
import { say } from './print.ts';
import { unknownToAll } from './unknown.ts';

/** Keeps leavers: they are not taken away, now or later. @throws SyncError `config` for somebody who is no leaver. */
export async function keep(options: CommonOptions, people: readonly string[]): Promise<number> {
  if (people.length === 0) throw new SyncError('config', 'cli.keep', 'name the people to keep');
  return withDaemon(options, 'error', async (daemon) => {
    const acts = await eachSync(daemon, async (sync) => {
      const act = await operationsOf(sync).keep(people, 'cli');
      for (const sourceId of act.done) say(`${sync.name}: ${sourceId} is kept`);
      return act;
    });
    const unknown = unknownToAll(acts);
    if (unknown.length === 0) return EXIT.inStep;
    throw new SyncError(
      'config',
      'cli.person',
      `nobody who is about to be taken away is called ${unknown.join(', ')}; \`omni-sync leavers\` lists them`,
    );
  });
}
