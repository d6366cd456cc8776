/** The settings that are secrets, and the files that they may stand in. Never prints one. */
import { z } from 'zod';
import { SyncError } from '../model/errors.ts';
import { mismatch, text } from './fields.ts';
import type { Files, Secret } from './files.ts';

/** What a secret must look like; answers what is wrong with one, or undefined. */
type SecretRule = (value: string) => string | undefined;

const PLACEHOLDER =
  /^(<.*>|change[-_ ]?(me|it|this).*|replace[-_ ]?(me|this|with).*|(your|my)[-_ ].*(key|token|secret)|x{3,}|\*{3,}|\.{3,}|…|todo|tbd|placeholder|example)$/i;

/** Any text that is there. */
export const anySecret: SecretRule = (value) =>
  value.includes('\0') ? 'holds a NUL character: write the secret itself' : undefined;

/** A key or token that travels in an HTTP header: visible ASCII, and not the placeholder of an example. */
export const bearerSecret: SecretRule = (value) => {
  if (PLACEHOLDER.test(value)) return 'is a placeholder: put the real one there';
  return /^[\x21-\x7e]+$/.test(value)
    ? undefined
    : 'holds a blank, a line break or a character beyond ASCII: copy it again';
};

/** A key to encrypt or sign with, long enough that it cannot be tried out. */
export const longSecret: SecretRule = (value) => {
  if (PLACEHOLDER.test(value)) return 'is a placeholder: put the real one there';
  return value.length >= 32
    ? undefined
    : 'is shorter than 32 characters: make one with `openssl rand -base64 32`';
};

/** Several of them, a line each. */
export const longSecrets: SecretRule = (value) => {
  const lines = linesOf(value);
  if (lines.length === 0) return 'is empty: the variable or the line has no value';
  return lines.map(longSecret).find((problem) => problem !== undefined);
};

/** The lines of a text that say something. */
export function linesOf(value: string): string[] {
  return value.split(/\r?\n/).filter((line) => line.trim() !== '');
}

/** A secret that stands in the file or comes from the environment. */
export function secret(what: string, rule: SecretRule) {
  return z
    .string({ error: mismatch(what, 'a text') })
    .transform((value, context): Secret => {
      const problem = value === '' ? 'is empty: the variable or the line has no value' : rule(value);
      if (problem === undefined) return { value };
      context.addIssue(`${problem} (${what})`);
      return z.NEVER;
    })
    .describe(what);
}

/** The `…File` twin of a secret: a file that holds nothing else. */
export function secretFile(what: string, files: Files, rule: SecretRule) {
  return text(`a file that holds ${what}`, 'a text with its path').transform((path, context): Secret => {
    try {
      const found = files.secret(path);
      const problem = rule(found.value);
      if (problem === undefined) return found;
      context.addIssue(`names a file whose content ${problem} (${what})`);
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      // The path is not shown: people put the secret itself here.
      context.addIssue(
        `names a file that ${error.message} (relative paths start at the configuration's folder)`,
      );
    }
    return z.NEVER;
  });
}

/** A file that must be there and readable, such as a CA's certificates; as its absolute path. */
export function readableFile(what: string, files: Files) {
  return text(what, 'a text with its path').transform((path, context): string => {
    try {
      return files.readable(path);
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      context.addIssue(
        `names a file that ${error.message} (relative paths start at the configuration's folder)`,
      );
      return z.NEVER;
    }
  });
}
