/** `omni-sync retry`: tries people again who are set aside, all of them or those named. */
import { hastenPerson } from '../jobs/add.ts';
import type { SetAside } from '../ledger/quarantine.ts';
import { SyncError } from '../model/errors.ts';
import { addressKey } from '../model/person.ts';
import type { Sync } from '../worker/compose.ts';
import { type CommonOptions, EXIT, eachSync, withDaemon } from './context.ts';
import { count, say } from './print.ts';

export interface RetryOptions extends CommonOptions {
  readonly all?: boolean;
}

/**
 * Lifts the quarantine of `people` (a sourceId, an address or a ref each) and puts them ahead of the queue.
 * @throws SyncError `config` where nobody is named, or somebody is not stuck.
 */
export async function retry(options: RetryOptions, people: readonly string[]): Promise<number> {
  if (people.length === 0 && options.all !== true) {
    throw new SyncError(
      'config',
      'cli.retry',
      'name the people to try again, or say --all; `omni-sync failed` lists them',
    );
  }
  return withDaemon(options, 'error', async (daemon) => {
    const found = new Set<string>();
    await eachSync(daemon, async (sync) => {
      const stuck = (await sync.ledger.quarantine.all()).filter(({ until }) => until !== 'time');
      const chosen: SetAside[] = [];
      for (const one of stuck) {
        const name = options.all === true ? one.ref : await nameUsed(one, people, sync);
        if (name === undefined) continue;
        found.add(name);
        chosen.push(one);
      }
      await lift(chosen, sync);
      say(
        `${sync.name}: ${count(chosen.length, 'person is', 'people are')} at the head of the queue; the service, or the next \`omni-sync run\`, tries them`,
      );
    });
    const unknown = people.filter((person) => options.all !== true && !found.has(person));
    if (unknown.length === 0) return EXIT.inStep;
    throw new SyncError(
      'config',
      'cli.person',
      `not stuck, or unknown: ${unknown.join(', ')}; \`omni-sync failed\` lists who is`,
    );
  });
}

/** Which of the given names means this person. */
async function nameUsed(
  one: SetAside,
  people: readonly string[],
  { ledger }: Sync,
): Promise<string | undefined> {
  const row = await ledger.outbox.get(one.ref);
  const address = row?.desired === undefined ? undefined : addressKey(row.desired.userName);
  return people.find(
    (person) => person === one.ref || person === one.sourceId || addressKey(person) === address,
  );
}

async function lift(chosen: readonly SetAside[], { ledger, queues }: Sync): Promise<void> {
  await ledger.quarantine.release(chosen.map(({ ref }) => ref));
  for (const { ref } of chosen) await hastenPerson(queues.apply, { ref, kind: 'retry' });
}
