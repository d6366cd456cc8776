/** What happens to somebody who is not wanted any more, and when, in words for an operator. */
import type { Tombstone } from '../model/leaver.ts';

/** Why somebody is not wanted, in words. */
export const UNWANTED: Readonly<Record<string, string>> = {
  missing: 'gone from the directory',
  outOfScope: 'out of scope',
  inactive: 'inactive in the directory',
};

/** When somebody who is not wanted is taken away. */
export function leaverText(tombstone: Tombstone): string {
  const { cause, stage, due, reason } = tombstone;
  const when = new Date(due).toISOString();
  const why = `They are ${UNWANTED[cause]}`;
  if (stage === 'held')
    return `${why}, and held until you approve (\`omni-sync leavers\`): ${reason ?? 'nobody has looked yet'}.`;
  if (stage === 'leaving') return `${why}, and their time has come: the account is about to be taken away.`;
  const approved = stage === 'approved' ? ', as was approved' : '';
  return `${why}: the account is taken away after the first complete read past ${when}${approved}, unless they are back by then.`;
}
