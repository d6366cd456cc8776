/** `omni-sync retry`: tries people again who are set aside, all of them or those named. */
import { SyncError } from '../model/errors.ts';
import { cliActor } from '../worker/actor.ts';
import { operationsOf } from '../worker/operations.ts';
import { type CommonOptions, eachSync, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { count, say } from './print.ts';
import { unknownToAll } from './unknown.ts';

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
    const acts = await eachSync(daemon, async (sync) => {
      const act = await operationsOf(sync).retry(options.all === true ? 'all' : people, cliActor());
      say(
        `${sync.name}: ${count(act.done.length, 'person is', 'people are')} at the head of the queue; the service, or the next \`omni-sync run\`, tries them`,
      );
      return act;
    });
    const unknown = unknownToAll(acts);
    if (unknown.length === 0) return EXIT.inStep;
    throw new SyncError(
      'config',
      'cli.person',
      `not stuck, or unknown: ${unknown.join(', ')}; \`omni-sync failed\` lists who is`,
    );
  });
}
