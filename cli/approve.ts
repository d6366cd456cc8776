/** `omni-sync approve`: lets held leavers go, all or some, bound to exactly the set that `omni-sync leavers` showed. */
import { isSyncError, SyncError } from '../model/errors.ts';
import { cliActor } from '../worker/actor.ts';
import { operationsOf } from '../worker/operations.ts';
import { type CommonOptions, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { count, say } from './print.ts';

export interface ApproveOptions extends CommonOptions {
  readonly all?: boolean;
  readonly digest: string;
}

/**
 * Approves. Their grace still runs; a person who comes back meanwhile stays.
 * @throws SyncError `unsafe` where the held set is not the one that was shown.
 */
export async function approve(options: ApproveOptions, people: readonly string[]): Promise<number> {
  if ((people.length === 0) !== (options.all === true)) {
    throw new SyncError(
      'config',
      'cli.approve',
      'name the people to let go, or say --all; `omni-sync leavers` lists them',
    );
  }
  return withDaemon(options, 'error', async ({ syncs }) => {
    let changed: unknown;
    for (const sync of syncs) {
      const named = options.all === true ? 'all' : people;
      const approved = await operationsOf(sync)
        .approve(named, options.digest, cliActor())
        .catch((error: unknown) => {
          // The digest is that of one sync's held set: the others have another.
          if (!isSyncError(error, 'unsafe')) throw error;
          changed = error;
          return undefined;
        });
      if (approved === undefined) continue;
      if (approved.unknown.length > 0) throw unknownPeople(approved.unknown);
      const { done, stillHeld } = approved;
      say(`${sync.name}: ${count(done.length, 'person is', 'people are')} approved, ${stillHeld} stay held`);
      return EXIT.inStep;
    }
    throw changed;
  });
}

function unknownPeople(names: readonly string[]): SyncError {
  return new SyncError(
    'config',
    'cli.person',
    `nobody who is held is called ${names.join(', ')}, so nobody was approved; \`omni-sync leavers\` lists them`,
  );
}
