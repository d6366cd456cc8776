/** `omni-sync pause` and `omni-sync resume`: nothing is sent to Omni until an operator says go. Nothing is lost by it. */
import { cliActor } from '../worker/actor.ts';
import { operationsOf } from '../worker/operations.ts';
import { type CommonOptions, eachSync, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { say } from './print.ts';

/** Stops applying, of every process, within the request that each has under way. Reconciles go on. */
export async function pause(options: CommonOptions): Promise<number> {
  return withDaemon(options, 'error', async (daemon) => {
    await eachSync(daemon, async (sync) => {
      await operationsOf(sync).pause(cliActor());
      say(`${sync.name}: paused; \`omni-sync resume\` goes on`);
    });
    return EXIT.inStep;
  });
}

/** Goes on applying; a key that Omni refused, and an Omni that did not answer, are tried again. */
export async function resume(options: CommonOptions): Promise<number> {
  return withDaemon(options, 'error', async (daemon) => {
    await eachSync(daemon, async (sync) => {
      await operationsOf(sync).resume(cliActor());
      say(`${sync.name}: goes on`);
    });
    return EXIT.inStep;
  });
}
