/**
 * Reads one person's records from the directory: by asking it where it can be asked, else by a look through all pages.
 * An answer of nobody is no proof of absence: only a complete read is.
 */
import type { Directory } from '../directory/directory.ts';
import { isSyncError } from '../model/errors.ts';
import { addressKey, type DirectoryRecord } from '../model/person.ts';
import type { Mapped, Mapping } from '../plan/map.ts';
import { mapPage } from './map-page.ts';

/** Whom to look for: everyone with this id, or with this address. */
export type Wanted = { readonly id: string } | { readonly userName: string };

/** One record, and what it came to. */
export interface Found {
  readonly record: DirectoryRecord;
  readonly mapped: Mapped;
}

export interface LookUpDeps {
  readonly directory: Directory;
  readonly mapping: Pick<Mapping, 'map' | 'lookUp'>;
}

/** How long a look through all pages may take, in milliseconds. */
const LONGEST_MS = 300_000;

/** @throws SyncError `incomplete` where the directory cannot be read, or not in time. */
export async function lookUp(
  wanted: Wanted,
  { directory, mapping }: LookUpDeps,
  signal?: AbortSignal,
): Promise<Found[]> {
  const limit = AbortSignal.timeout(LONGEST_MS);
  const until = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  const asked = await ask(wanted, { directory, mapping }, until);
  const isWanted = ({ mapped }: Found) => fits(mapped, wanted);
  if (asked !== undefined) return foundIn(asked, mapping).filter(isWanted);
  const found: Found[] = [];
  for await (const page of directory.pages(until)) found.push(...foundIn(page, mapping).filter(isWanted));
  return found;
}

/** Nothing where the directory cannot be asked for this. */
async function ask(
  wanted: Wanted,
  { directory, mapping }: LookUpDeps,
  signal: AbortSignal,
): Promise<readonly DirectoryRecord[] | undefined> {
  const [field, value] =
    'id' in wanted ? [mapping.lookUp.id, wanted.id] : [mapping.lookUp.userName, wanted.userName];
  if (directory.find === undefined || field === undefined) return undefined;
  try {
    return await directory.find({ field, value }, signal);
  } catch (error) {
    if (isSyncError(error, 'config')) return undefined;
    throw error;
  }
}

function foundIn(page: readonly DirectoryRecord[], mapping: Pick<Mapping, 'map'>): Found[] {
  const mapped = mapPage(page, mapping);
  return page.flatMap((record, i) => {
    const one = mapped[i];
    return one === undefined ? [] : [{ record, mapped: one }];
  });
}

function fits(mapped: Mapped, wanted: Wanted): boolean {
  if ('id' in wanted) return idOf(mapped) === wanted.id;
  const userName = mapped.verdict === 'rejected' ? undefined : mapped.desired?.userName;
  return userName !== undefined && addressKey(userName) === addressKey(wanted.userName);
}

/** The id of a record that has a usable one. */
export function idOf(mapped: Mapped): string | undefined {
  return mapped.verdict === 'rejected' ? mapped.rejection.sourceId : mapped.sourceId;
}
