/** The names that no sync knows: a verb without `--sync` asks all of them, and each knows its own people. */
import type { ActDone } from '../ops/operations.ts';

/** Those of the given names that every sync called unknown. */
export function unknownToAll([first, ...rest]: readonly ActDone[]): readonly string[] {
  return (first?.unknown ?? []).filter((name) => rest.every(({ unknown }) => unknown.includes(name)));
}
