/** How a person is named where their id must not stand: a short keyed hash, the same for the life of a ledger. */
import { createHmac } from 'node:crypto';

/** 16 characters of base64url. */
export type Ref = string;

/** The refs of one ledger. */
export function createRefs(refKey: string): (sourceId: string) => Ref {
  return (sourceId) =>
    createHmac('sha256', refKey).update(`person\0${sourceId}`).digest().subarray(0, 12).toString('base64url');
}

/** Whether this text may be a ref at all. */
export function isRefShaped(text: string): boolean {
  return /^[\w-]{16}$/.test(text);
}
