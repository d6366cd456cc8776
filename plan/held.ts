/** What an approval is bound to: the very set of held leavers that was shown. Pure. */
import { hash } from 'node:crypto';
import type { Tombstone } from '../model/leaver.ts';

const DIGEST_LENGTH = 12;

/** A short digest of who is held, why and since when; another set, or another cause, has another one. */
export function heldDigest(tombstones: readonly Tombstone[]): string {
  const held = tombstones
    .filter(({ stage }) => stage === 'held')
    .map(({ sourceId, omniId, cause, since }) => JSON.stringify([sourceId, omniId, cause, since]))
    .sort();
  return hash('sha256', JSON.stringify(held), 'base64url').slice(0, DIGEST_LENGTH);
}
