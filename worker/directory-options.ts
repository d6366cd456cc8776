/** A configured directory as its source is opened with it. */
import { readFileSync } from 'node:fs';
import type { DirectoryConfig } from '../config/schema.ts';
import type { DirectoryOptions } from '../directory/select.ts';

/** `fields`: those that the mapping reads; left out where nobody maps yet: all. @throws whatever reading the `ca` file does. */
export function directoryOptions(directory: DirectoryConfig, fields?: Iterable<string>): DirectoryOptions {
  const read = fields === undefined ? {} : { fields: [...fields] };
  if (directory.type === 'file') return { ...directory, ...read };
  const { ca, ...rest } = directory;
  return { ...rest, ...read, ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') }) };
}
