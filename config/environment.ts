/** Puts environment variables into the values of a configuration, never into its keys. Never prints a value. */
import type { Value } from './document.ts';
import { pathText, type SettingPath } from './errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

interface Substituted {
  readonly tree: Value;
  /** What is wrong, by path. */
  readonly faults: readonly { readonly path: SettingPath; readonly message: string }[];
}

/**
 * Settings that count as left out where their whole value is `${NAME}` and that is unset or empty, so that one file
 * serves with and without them. Everywhere else an unset variable is a fault.
 */
const LEFT_OUT_WITH_VARIABLE = new Set(['redis.url', 'server.token']);

/** Sections that may stand empty, all their keys being commented out. */
const MAY_BE_EMPTY = new Set(['redis', 'audit', 'server', 'alerts']);

// `$${` is the escape; a `${` that is no reference at all is caught last.
const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/**
 * `${NAME}` becomes the variable, `${NAME:-default}` the default where it is unset or empty, `$${` a plain `${`. What
 * comes from the environment is not looked at again. A text with a fault stays as it was written.
 */
export function substitute(tree: Value, env: Environment): Substituted {
  const faults: { path: SettingPath; message: string }[] = [];
  const visit = (value: Value, path: SettingPath): Value | undefined => {
    if (typeof value === 'string') return textOf(value, path);
    if (Array.isArray(value)) return value.map((item, index) => visit(item, [...path, index]) ?? null);
    if (value === null) return MAY_BE_EMPTY.has(pathText(path)) ? undefined : null;
    if (typeof value !== 'object') return value;
    return mapOf(value, path);
  };
  const mapOf = (map: { [key: string]: Value }, path: SettingPath): Value => {
    const entries = Object.entries(map).map(([key, value]) => [key, visit(value, [...path, key])] as const);
    return Object.fromEntries(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
  };
  const textOf = (text: string, path: SettingPath): string | undefined => {
    if (isLeftOut(text, path, env)) return undefined;
    const { result, problem } = replaceIn(text, env);
    if (problem !== undefined) faults.push({ path, message: problem });
    return problem === undefined ? result : text;
  };
  return { tree: visit(tree, []) ?? null, faults };
}

function isLeftOut(text: string, path: SettingPath, env: Environment): boolean {
  if (!LEFT_OUT_WITH_VARIABLE.has(pathText(path))) return false;
  const [, name, fallback] = /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}$/.exec(text) ?? [];
  return name !== undefined && (env[name] ?? '') === '' && (fallback ?? '') === '';
}

function replaceIn(text: string, env: Environment): { result: string; problem?: string } {
  const problems = new Set<string>();
  const result = text.replace(REFERENCE, (found, name: string | undefined, fallback: string | undefined) => {
    if (found === '$${') return '${';
    if (name === undefined) {
      problems.add(
        `holds a "\${" that is no \${NAME} or \${NAME:-default}: mend it, or write "$\${" for a plain "\${"`,
      );
      return found;
    }
    const value = fallback !== undefined && env[name] === '' ? fallback : (env[name] ?? fallback);
    if (value === undefined) {
      problems.add(
        `takes the environment variable ${name}, which is not set: set it, or write \${${name}:-default}`,
      );
    }
    return value ?? found;
  });
  return problems.size === 0 ? { result } : { result, problem: [...problems].join('; ') };
}
