/** A configured directory as its source is opened with it. */
import { readFileSync } from 'node:fs';
import type { DirectoryConfig } from '../config/schema.ts';
import type { DirectoryOptions } from '../directory/select.ts';

/** What a directory is opened for. */
interface Purpose {
  /** Those that the mapping reads; left out where nobody maps yet: all. */
  readonly fields?: Iterable<string>;
  /** It is asked who changed, too. */
  readonly changes?: boolean;
}

/** @throws whatever reading the `ca` file does. */
export function directoryOptions(
  directory: DirectoryConfig,
  { fields, changes = false }: Purpose = {},
): DirectoryOptions {
  const read = fields === undefined ? {} : { fields: [...fields] };
  if (directory.type === 'file') return { ...directory, ...read };
  const { ca, changes: how, ...rest } = directory;
  const asked = changes && how !== 'none' ? { changes: how } : {};
  return { ...rest, ...read, ...asked, ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') }) };
}
