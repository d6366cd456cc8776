/** What the schema found, as single faults with their paths. Never looks at a value. */
import type { z } from 'zod';
import type { SettingPath } from './errors.ts';

type Issue = z.core.$ZodIssue;

/** One thing that is wrong, before its line is known. */
export interface PlacedFault {
  readonly path: SettingPath;
  readonly message: string;
}

/** Every issue as faults: an unknown key is one each, and of a union the branch that was meant speaks. */
export function faultsOf(issues: readonly Issue[], base: SettingPath = []): readonly PlacedFault[] {
  return issues.flatMap((issue): readonly PlacedFault[] => {
    const path = [...base, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      const messages = issue.message.split('\n');
      return issue.keys.map((key, index) => ({ path: [...path, key], message: messages[index] ?? '' }));
    }
    const meant = issue.code === 'invalid_union' ? branchMeant(issue.errors) : undefined;
    return meant === undefined ? [{ path, message: issue.message }] : faultsOf(meant, path);
  });
}

/** The branch whose type fits the value at its root, where there is just one. */
function branchMeant(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const fitting = branches.filter(
    (issues) => !issues.some((issue) => issue.path.length === 0 && isOfType(issue)),
  );
  return fitting.length === 1 ? fitting[0] : undefined;
}

function isOfType({ code }: Issue): boolean {
  return code === 'invalid_type' || code === 'invalid_union' || code === 'invalid_value';
}
