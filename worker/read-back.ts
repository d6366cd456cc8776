/** What Omni holds of an account now, in place of what the link remembers of it: for who is asked for with distrust of the links. */
import { isSyncError } from '../model/errors.ts';
import type { Link } from '../model/link.ts';
import type { DesiredUser, OmniUser } from '../model/person.ts';
import { differences } from '../omni/verify.ts';
import { confirmDigest } from '../plan/fingerprint.ts';
import type { ApplyDeps } from './finish.ts';

/** The link with what Omni shows of `desired` confirmed, and nothing else; an account that is gone confirms nothing. One request. */
export async function readBack(
  link: Link,
  desired: DesiredUser,
  { omni, signal }: Pick<ApplyDeps, 'omni' | 'signal'>,
): Promise<Link> {
  const account = await omni.getUser(link.omniId, signal).catch((error: unknown) => {
    if (isSyncError(error, 'missing')) return undefined;
    throw error;
  });
  return { ...link, confirmed: account === undefined ? new Set() : shownOf(account, desired) };
}

function shownOf(account: OmniUser, desired: DesiredUser): Set<string> {
  const found = differences(desired, { ...account, attributes: account.attributes ?? {} });
  // What Omni stores in another form was told once, and is not written again and again.
  const wrong = new Set(found.filter(({ kind }) => kind !== 'coerced').map(({ field }) => field));
  const confirmed = new Set<string>();
  const { userName, displayName, attributes } = desired;
  if (!wrong.has('userName')) confirmed.add(confirmDigest('userName', userName));
  if (!wrong.has('displayName')) confirmed.add(confirmDigest('displayName', displayName));
  for (const [name, value] of Object.entries(attributes))
    if (!wrong.has(name)) confirmed.add(confirmDigest(`@${name}`, value));
  return confirmed;
}
