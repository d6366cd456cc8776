/** `omni-sync drift`: what somebody changed in Omni by hand, and how the last comparison went. */
import type { DriftedField, DriftedPerson, DriftList, PassView } from '../ops/drift-view.ts';
import { operationsOf } from '../worker/operations.ts';
import { type CommonOptions, eachSync, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { count, printable, printJson, say } from './print.ts';

/** Names everyone whose account differs, with the fields. */
export async function drift(options: CommonOptions & { readonly json?: boolean }): Promise<number> {
  return withDaemon(options, 'error', async (daemon) => {
    const lists = await eachSync(daemon, (sync) => operationsOf(sync).drift());
    if (options.json === true) printJson({ syncs: lists });
    else for (const one of lists) for (const line of linesOf(one)) say(line);
    return EXIT.inStep;
  });
}

function linesOf({ name, people, lastPass, nextPass }: DriftList): string[] {
  const found =
    people.length === 0
      ? 'nobody is known to have been changed in Omni by hand'
      : `${count(people.length, 'account was', 'accounts were')} changed in Omni by hand`;
  const next =
    nextPass === null
      ? 'Omni is compared on no schedule: set `verifySchedule`'
      : `Omni is compared next ${nextPass}`;
  return [`${name}: ${found}`, ...people.map(personText), `  ${passText(lastPass)}; ${next}`];
}

function personText({ ref, sourceId, omniId, userName, fields }: DriftedPerson): string {
  const account = userName === null ? omniId : `${omniId}, ${userName}`;
  return printable(`  ${sourceId} (${ref}), account ${account}: ${fieldsText(fields)}`);
}

/** The fields of a person, each with what is done about it. */
export function fieldsText(fields: readonly DriftedField[]): string {
  return fields
    .map(({ field, mode, since, handed }) => {
      const done = handed ? 'about to be set back' : mode === 'repair' ? 'to be set back' : 'reported alone';
      return `${field} (${done}, found ${since})`;
    })
    .join(', ');
}

function passText(pass: PassView | null): string {
  if (pass === null) return 'Omni was never compared';
  const { finishedAt, compared, calls, problem } = pass;
  const cost = `${count(compared, 'look', 'looks')} with ${count(calls, 'request', 'requests')}`;
  const end = problem === null ? '' : `, not to its end: ${printable(problem)}`;
  return `last compared ${finishedAt}: ${cost}${end}`;
}
