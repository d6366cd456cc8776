/** The first records of a directory, for somebody who is about to map them. Reads no further than it must. */
import type { DirectoryConfig } from '../config/schema.ts';
import { openDirectory } from '../directory/select.ts';
import type { DirectoryRecord } from '../model/person.ts';
import { directoryOptions } from './directory-options.ts';

/** At most `most` records, with all of their fields. @throws SyncError as the directory does, also for one that holds nobody. */
export async function peek(config: DirectoryConfig, most: number): Promise<readonly DirectoryRecord[]> {
  const directory = openDirectory(directoryOptions(config));
  const records: DirectoryRecord[] = [];
  for await (const page of directory.pages()) {
    records.push(...page);
    if (records.length >= most) break;
  }
  return records.slice(0, most);
}
