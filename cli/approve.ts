/** `omni-sync approve`: lets held leavers go, all or some, bound to exactly the set that `omni-sync leavers` showed. */
import { SyncError } from '../model/errors.ts';
import { heldDigest } from '../plan/held.ts';

import { type CommonOptions, EXIT, withDaemon } from './context.ts';
import { allLeavers, namedLeavers } from './people.ts';
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
    for (const sync of syncs) {
      const held = (await allLeavers([sync])).filter(({ tombstone }) => tombstone.stage === 'held');
      if (held.length === 0 || heldDigest(held.map(({ tombstone }) => tombstone)) !== options.digest)
        continue;
      const chosen = options.all === true ? held : namedLeavers(held, people);
      await sync.ledger.leavers.approve(chosen.map(({ tombstone }) => tombstone));
      say(
        `${sync.name}: ${count(chosen.length, 'person is', 'people are')} approved, ${held.length - chosen.length} stay held`,
      );
      return EXIT.inStep;
    }
    throw changed();
  });
}

function changed(): SyncError {
  return new SyncError(
    'unsafe',
    'approve.changed',
    'the people who are held are not those of this digest any more: look again with `omni-sync leavers`, and approve what it shows',
  );
}
