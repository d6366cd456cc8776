/** The plain kinds of settings: text, whole number, switch, choice, section. Messages say what belongs there, never what stands there. */
import { z } from 'zod';
import { nearest } from '../model/nearest.ts';

const MOST_LETTERS = 2000;

type Mismatch = (issue: { readonly code?: string; readonly input?: unknown }) => string;

/**
 * The message for a setting that is missing or of another type. `what` says what it is for, `form` what it looks like.
 */
export function mismatch(what: string, form: string): Mismatch {
  return ({ input }) => {
    if (input === undefined) return `is required: ${what} (${form})`;
    if (input === null) return `is empty: give it ${form} (${what}), or remove the line`;
    const quotes = typeof input !== 'object' && form.startsWith('a text') ? ': put it in quotes' : '';
    return `must be ${form} (${what}), not ${kindOf(input)}${quotes}`;
  };
}

function kindOf(input: unknown): string {
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return 'a section with keys of its own';
  if (typeof input === 'string') return 'this text';
  return typeof input === 'number' ? 'a number' : 'true or false';
}

/** A text that is not empty; blanks around it are cut. */
export function text(what: string, form = 'a text') {
  return z
    .string({ error: mismatch(what, form) })
    .trim()
    .min(1, { error: `is empty: give it ${form} (${what}), or remove the line`, abort: true })
    .max(MOST_LETTERS, { error: `is longer than ${MOST_LETTERS} characters: shorten it`, abort: true })
    .describe(what);
}

/** A whole number within bounds, also where it comes as text from the environment. */
export function whole(what: string, min: number, max: number) {
  const form = `a whole number from ${min} to ${max}`;
  return z
    .union([z.number(), z.string()], { error: mismatch(what, form) })
    .transform((given, context) => {
      const number = typeof given === 'string' ? wholeOf(given) : given;
      if (Number.isInteger(number) && number >= min && number <= max) return number;
      context.addIssue(`must be ${form} (${what})`);
      return z.NEVER;
    })
    .describe(what);
}

/** The whole number that a text spells out, or NaN. */
export function wholeOf(given: string): number {
  return /^\d{1,15}$/.test(given.trim()) ? Number(given) : Number.NaN;
}

/** true or false, also where it comes as text from the environment. */
export function flag(what: string) {
  const error = mismatch(what, 'true or false');
  return z
    .union([z.boolean(), z.enum(['true', 'false'])], { error })
    .transform((given) => given === true || given === 'true')
    .describe(what);
}

/** One of some words. `meanings` says what each does, and stands in the message. */
export function choice<const W extends string>(what: string, meanings: Readonly<Record<W, string>>) {
  const words = Object.keys(meanings) as W[];
  const list = words.map((word) => (meanings[word] === '' ? word : `${word} (${meanings[word]})`)).join(', ');
  return z
    .enum(words, {
      error: ({ input }) => {
        if (input === undefined) return `is required: ${what}, one of ${list}`;
        const near = typeof input === 'string' ? nearest(input, words) : undefined;
        return `must be one of ${list} (${what})${near === undefined ? '' : `; did you mean ${near}?`}`;
      },
    })
    .describe(what);
}

/** A list of one kind of thing, of at least `min`. */
export function list<T extends z.ZodType>(what: string, item: T, min = 1) {
  return z
    .array(item, { error: mismatch(what, 'a list') })
    .min(min, `is an empty list: give it an entry (${what}), or remove the line`)
    .describe(what);
}

/**
 * A section with a fixed set of keys. The message for unknown keys has a line for each, in zod's order: faults.ts
 * gives each its own place.
 */
export function section<S extends z.ZodRawShape>(what: string, shape: S) {
  const known = Object.keys(shape);
  const wrong = mismatch(what, 'a section with keys of its own');
  return z
    .strictObject(shape, {
      error: (issue) => {
        if (issue.code !== 'unrecognized_keys') return wrong(issue);
        return issue.keys.map((key) => unknownKey(key, known)).join('\n');
      },
    })
    .describe(what);
}

/** The message for a key that is not among `known`. */
export function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  const mend = near === undefined ? `known here: ${known.join(', ')}` : `did you mean ${near}?`;
  return `is no known key; ${mend}`;
}

/** For superRefine: look at a section even where one of its settings is wrong, so that all faults show at once. */
export const IN_SECTION = {
  when: ({ value }: { readonly value: unknown }) => typeof value === 'object' && value !== null,
};

/** The names among `names` that a half-checked section has. */
export function present(given: object, names: readonly string[]): readonly string[] {
  return names.filter((name) => Object.hasOwn(given, name));
}

/** Refuses a section that has several of `names`, or none where `required` says what is missing. */
export function oneOf(names: readonly string[], required?: string) {
  return (given: object, context: z.RefinementCtx): void => {
    const [first, ...more] = present(given, names);
    for (const name of more) {
      context.addIssue({
        code: 'custom',
        path: [name],
        message: `stands beside ${first}: keep one of the two`,
      });
    }
    if (first !== undefined || required === undefined) return;
    const [path] = names;
    context.addIssue({ code: 'custom', path: [path ?? ''], message: `is required: ${required}` });
  };
}

/** The entries that are there, for objects whose absent keys are left out. */
export function given<T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const there = Object.entries(entries).filter(([, value]) => value !== undefined);
  return Object.fromEntries(there) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
