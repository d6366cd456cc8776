/** Holds what came to a schema; a refusal names the path in the body, never the value. */
import type { z } from 'zod';
import { Problem } from './problem.ts';

type Issue = z.core.$ZodIssue;

/** `value` as the schema types it. @throws Problem 400 that names the path. */
export function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [first] = result.error.issues;
  if (first === undefined) throw new Problem(400, 'body: refused');
  const { path, message } = deepest(first);
  throw new Problem(400, `${pathText(path) || 'body'}: ${message}`);
}

/** A union says only that no branch fits: the branch with the fewest issues is what the sender meant. */
function deepest(issue: Issue): { path: readonly PropertyKey[]; message: string } {
  if (issue.code !== 'invalid_union') return issue;
  const branches = issue.errors.filter((branch) => branch.length > 0);
  const found = branches.map((branch) => ({ count: branch.length, inner: deepest(branch[0] ?? issue) }));
  found.sort((a, b) => a.count - b.count || b.inner.path.length - a.inner.path.length);
  const best = found[0];
  if (best === undefined || best.inner.path.length === 0) return issue;
  return { path: [...issue.path, ...best.inner.path], message: best.inner.message };
}

function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}
