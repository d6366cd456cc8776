/** What Omni holds of an account now, in place of what the link remembers of it: for who is asked for with distrust of the links. */
import { isSyncError } from '../model/errors.ts';
import type { Link } from '../model/link.ts';
import type { DesiredUser, OmniUser } from '../model/person.ts';
import { differences } from '../omni/verify.ts';
import { shownDigest } from '../plan/confirmed.ts';
import { modeOf } from '../plan/drift.ts';
import { confirmDigest } from '../plan/fingerprint.ts';
import type { ApplyDeps } from './finish.ts';

/**
 * The link with what Omni shows of `desired` confirmed, and nothing else; nothing where the account is gone: its person gets a
 * new one. One that somebody deactivated in Omni counts as taken away only where `drift` has it brought back: else it is left so. One request.
 */
export async function readBack(
  link: Link,
  desired: DesiredUser,
  { ledger, omni, signal, driftRules }: Pick<ApplyDeps, 'ledger' | 'omni' | 'signal' | 'driftRules'>,
): Promise<Link | undefined> {
  const account = await omni.getUser(link.omniId, signal).catch((error: unknown) => {
    if (isSyncError(error, 'missing')) return undefined;
    throw error;
  });
  if (account === undefined) {
    await ledger.register.release(link.omniId);
    return undefined;
  }
  const comesBack =
    !account.active && driftRules !== undefined && modeOf('active', link, driftRules) === 'repair';
  return {
    ...link,
    userName: account.userName,
    state: comesBack ? 'deactivated' : link.state,
    confirmed: shownOf(account, desired),
  };
}

function shownOf(account: OmniUser, desired: DesiredUser): Set<string> {
  const found = differences(desired, { ...account, attributes: account.attributes ?? {} });
  // What Omni stores in another form was told once, and is not written again and again.
  const wrong = new Set(found.filter(({ kind }) => kind !== 'coerced').map(({ field }) => field));
  const confirmed = new Set<string>();
  const confirm = (field: string, value: unknown) => {
    if (wrong.has(field.replace(/^@/, ''))) return;
    confirmed.add(confirmDigest(field, value));
    const shown = field === 'userName' ? undefined : shownDigest(field, account);
    if (shown !== undefined) confirmed.add(shown);
  };
  confirm('userName', desired.userName);
  confirm('displayName', desired.displayName);
  for (const [name, value] of Object.entries(desired.attributes)) confirm(`@${name}`, value);
  return confirmed;
}
