/** What an approval is bound to: the very set of held leavers, or of held changes, that was shown. Pure. */
import { hash } from 'node:crypto';
import type { HeldChange } from '../model/held.ts';
import type { Tombstone } from '../model/leaver.ts';

const DIGEST_LENGTH = 12;

/** A short digest of who is held, why and since when; another set, or another cause, has another one. */
export function heldDigest(tombstones: readonly Tombstone[]): string {
  const held = tombstones
    .filter(({ stage }) => stage === 'held')
    .map(({ sourceId, omniId, cause, since }) => JSON.stringify([sourceId, omniId, cause, since]))
    .sort();
  return digestOf(held);
}

/** The same of changes that wait for a word: who is to get which account, and from whom. */
export function changesDigest(changes: readonly HeldChange[]): string {
  const claims = changes.map(({ sourceId, what, omniId, userName, from }) => {
    return JSON.stringify([sourceId, what, omniId, userName, from ?? null]);
  });
  return digestOf(['changes', ...claims.sort()]);
}

function digestOf(lines: readonly string[]): string {
  return hash('sha256', JSON.stringify(lines), 'base64url').slice(0, DIGEST_LENGTH);
}
