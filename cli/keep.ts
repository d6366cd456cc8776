/** `omni-sync keep`: protects people, whatever the directory says of them. */
import { SyncError } from '../model/errors.ts';
import { type CommonOptions, EXIT, withDaemon } from './context.ts';
import { allLeavers, namedLeavers } from './people.ts';
import { say } from './print.ts';

/** Keeps leavers: they are not taken away, now or later. @throws SyncError `config` for somebody who is no leaver. */
export async function keep(options: CommonOptions, people: readonly string[]): Promise<number> {
  if (people.length === 0) throw new SyncError('config', 'cli.keep', 'name the people to keep');
  return withDaemon(options, 'error', async (daemon) => {
    for (const { sync, tombstone } of namedLeavers(await allLeavers(daemon.syncs), people)) {
      await sync.ledger.leavers.keep([tombstone.ref]);
      say(`${sync.name}: ${tombstone.sourceId} is kept`);
    }
    return EXIT.inStep;
  });
}
