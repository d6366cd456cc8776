/** `omni-sync failed`: who is stuck and why, and which records cannot become a person. */

import type { SetAside } from '../ledger/quarantine.ts';
import { recordName } from '../model/change.ts';
import type { FailedView } from '../ops/operations.ts';
import { operationsOf } from '../worker/operations.ts';
import { type CommonOptions, eachSync, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { printable, printJson, say } from './print.ts';

/** Names everyone who is set aside or waits for a next try, and every rejected record of the last run. */
export async function failed(options: CommonOptions & { readonly json?: boolean }): Promise<number> {
  return withDaemon(options, 'error', async (daemon) => {
    const stuck = await eachSync(daemon, (sync) => operationsOf(sync).failed());
    if (options.json === true) printJson({ syncs: stuck });
    else for (const one of stuck) for (const line of linesOf(one)) say(line);
    return EXIT.inStep;
  });
}

function linesOf({ name, failed: failures, rejected }: FailedView): string[] {
  if (failures.length === 0 && rejected.length === 0)
    return [`${name}: nobody failed, no record was rejected`];
  return [
    ...failures.flatMap((failure) => [
      `${name}: ${printable(failure.sourceId)} (${failure.ref}) ${UNTIL[failure.until]} since ${new Date(failure.at).toISOString()}: ${failure.code}`,
      `  ${printable(failure.message)}`,
      ...(failure.request === undefined ? [] : [`  ${requestText(failure.request)}`]),
    ]),
    ...rejected.map(
      (rejection) =>
        `${name}: ${printable(recordName(rejection))} rejected: ${rejection.code}: ${printable(rejection.reason)}`,
    ),
  ];
}

const UNTIL = {
  time: 'is tried again soon',
  reconcile: 'is tried again at the next run',
  change: 'is set aside until a change or `omni-sync retry`',
} as const;

function requestText({ method, path, status, answer }: NonNullable<SetAside['request']>): string {
  return printable(
    `${method} ${path}${status === undefined ? '' : ` was answered ${status}`}${answer === undefined ? '' : `: ${answer}`}`,
  );
}
