/** The registry of directories: one line a type. Never knows more of a source than its type and its factory. */
import type { Directory } from './directory.ts';
import { type FileOptions, openFile } from './file.ts';
import { type LdapOptions, openLdap } from './ldap.ts';

/** What a directory is opened with; `type` says which one. */
export type DirectoryOptions = FileOptions | LdapOptions;

type Factories = {
  readonly [Type in DirectoryOptions['type']]: (
    options: Extract<DirectoryOptions, { readonly type: Type }>,
  ) => Directory;
};

const FACTORIES: Factories = {
  file: openFile,
  ldap: openLdap,
};

/**
 * The directory for `options`. Reads nothing yet.
 * @throws SyncError `config` where the options contradict themselves or the rules for secrets.
 */
export function openDirectory(options: DirectoryOptions): Directory {
  return open(options.type, options);
}

function open<Type extends DirectoryOptions['type']>(
  type: Type,
  options: Extract<DirectoryOptions, { readonly type: Type }>,
): Directory {
  return FACTORIES[type](options);
}
