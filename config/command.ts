/** A program that the operator has run on an event. Never given to a shell. */
import { z } from 'zod';
import { list, mismatch, text } from './fields.ts';
import type { Files } from './files.ts';

/** The program's path or name, then its arguments. */
export type Command = readonly [string, ...string[]];

const FORM = 'a text with a program and plain arguments, or a list of the program and its arguments';

/** A command as text without quoting, or as a list. A program with a `/` starts at the configuration's folder. */
export function command(what: string, files: Files) {
  return z
    .union([text(what, FORM), list(what, z.string({ error: mismatch(what, 'a text') }))], {
      error: mismatch(what, FORM),
    })
    .transform((written, context): Command => {
      const parsed = commandOf(written, files);
      if (parsed !== undefined) return parsed;
      context.addIssue(`must be ${FORM}: no shell reads it (${what})`);
      return z.NEVER;
    })
    .describe(what);
}

/** A command's parts, or undefined where its text would need a shell to be read. */
export function commandOf(written: string | readonly string[], files: Files): Command | undefined {
  if (typeof written === 'string' && !/^[\w./:@=+,\-\s]+$/.test(written)) return undefined;
  const [program = '', ...rest] = typeof written === 'string' ? written.trim().split(/\s+/) : written;
  if (program === '') return undefined;
  return [program.includes('/') ? files.absolute(program) : program, ...rest];
}
