/** `omni-sync explain`: one person's whole story, of every sync that knows them. */
import type { Explanation } from '../ops/explanation.ts';
import { operationsOf } from '../worker/operations.ts';
import { type CommonOptions, eachSync, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { explanationLines } from './explain-text.ts';
import { printJson, say } from './print.ts';

/** Tells it; status 1 where nobody is called so. */
export async function explain(
  options: CommonOptions & { readonly json?: boolean },
  [person = '']: readonly string[],
): Promise<number> {
  return withDaemon(options, 'error', async (daemon) => {
    const all = await eachSync(daemon, (sync) => operationsOf(sync).explain(person));
    const stories = all.filter((story): story is Explanation => story !== undefined);
    if (options.json === true) printJson({ syncs: stories });
    else if (stories.length === 0)
      say(`nobody is called ${person}: neither in the directory nor by what is remembered`);
    else for (const story of stories) for (const line of explanationLines(story)) say(line);
    return stories.length === 0 ? EXIT.notInStep : EXIT.inStep;
  });
}
