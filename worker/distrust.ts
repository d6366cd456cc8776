/**
 * Whom a full resync looks at in Omni, whatever their link says. Where attributes are mapped, everyone who is linked, in
 * full: lists do not show them. Else the list alone tells who is as the directory wants them.
 */
import type { Link } from '../model/link.ts';
import { addressKey, type DesiredUser, type OmniUser } from '../model/person.ts';
import type { Policy } from '../plan/decide.ts';

export interface Distrust {
  /** Whether this person's account is to be read before anything is believed of it. */
  distrusts(link: Link, desired: DesiredUser): boolean;
  /** List pages that were asked for. */
  readonly calls: number;
}

/** Of a run that believes the links. */
export const TRUSTING: Distrust = { distrusts: () => false, calls: 0 };

export interface DistrustOptions {
  readonly omni: { listUsers(signal?: AbortSignal): AsyncIterable<readonly OmniUser[]> };
  readonly mapping: { readonly attributeNames: readonly string[] };
  readonly rules: { readonly policy: Policy };
  readonly signal: AbortSignal;
}

/** Lists Omni where that is enough. @throws SyncError as the Omni client does: a list that ends early is no list. */
export async function openDistrust({ omni, mapping, rules, signal }: DistrustOptions): Promise<Distrust> {
  const mayWrite = (link: Link) => rules.policy !== 'create' && link.state === 'active' && !link.protected;
  if (rules.policy === 'create') return TRUSTING;
  if (mapping.attributeNames.length > 0) return { distrusts: mayWrite, calls: 0 };
  const listed = new Map<string, string>();
  let calls = 0;
  for await (const page of omni.listUsers(signal)) {
    calls++;
    for (const account of page) listed.set(account.id.toLowerCase(), shapeOf(account, account.active));
  }
  return {
    distrusts: (link, desired) => mayWrite(link) && listed.get(link.omniId) !== shapeOf(desired, true),
    calls: Math.max(1, calls),
  };
}

function shapeOf(
  { userName, displayName }: Pick<OmniUser, 'userName' | 'displayName'>,
  active: boolean,
): string {
  return JSON.stringify([addressKey(userName), displayName.normalize('NFC'), active]);
}
