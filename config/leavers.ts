/** `leavers`: when and how a person's account is taken away. Never decides who leaves. */
import { z } from 'zod';
import { type Command, commandOf } from './command.ts';
import { choice, list, mismatch, section, text, wholeOf } from './fields.ts';
import type { Files } from './files.ts';
import { DAY, duration } from './time.ts';
import { webUrl } from './urls.ts';

/** Why a person is about to be taken away. */
type LeaverCause = 'missing' | 'inactive' | 'outOfScope';

/** How many may be taken away before somebody has to look: the larger of the two where both are there. */
interface LeaverLimit {
  /** Of the linked active people; at most 50. */
  readonly percent?: number;
  readonly people?: number;
}

/** Exactly one of the two is there. */
interface LeaverHook {
  readonly command?: Command;
  readonly url?: string;
}

export interface LeaversConfig {
  readonly action: 'deactivate' | 'delete';
  /** Milliseconds between noticing and taking away. */
  readonly graceMs: Readonly<Record<LeaverCause, number>>;
  readonly limit: LeaverLimit;
  /** Addresses, ids, or expressions, not compiled yet. */
  readonly protect: readonly string[];
  /** Run before each removal. */
  readonly before?: LeaverHook;
}

const LONGEST_GRACE = 3650 * DAY;
const LIMIT = 'how many may be taken away in 24 hours before it is held';
const LIMIT_FORM = 'a share such as 2% (of the linked people, at most 50%), or a whole number of people';
const GRACE = 'how long a leaver is waited for';

/** The section `leavers`. */
export function leaversSchema(files: Files) {
  const fields = section('taking accounts away; policy full alone does', {
    action: choice('what happens to the account', {
      deactivate: 'its history stays',
      delete: 'it is removed',
    }).prefault('deactivate'),
    grace: graceSchema().prefault('7d'),
    limit: limitSchema().exactOptional(),
    protect: list('who is never taken away', text('an address, an id or an expression'), 0).prefault([]),
    before: beforeSchema(files).exactOptional(),
  });
  return fields.transform(
    ({ grace, limit, ...rest }): LeaversConfig => ({
      ...rest,
      graceMs: grace,
      limit: limit ?? { percent: 2, people: 5 },
    }),
  );
}

function graceSchema() {
  const one = duration(GRACE, 0, LONGEST_GRACE);
  const week = (what: string) => duration(what, 0, LONGEST_GRACE).prefault('7d');
  const byCause = section(`${GRACE}, by cause`, {
    missing: week('gone from the directory'),
    inactive: week('inactive in the directory'),
    outOfScope: week('no longer in scope'),
  });
  return z
    .union([one, byCause], {
      error: mismatch(GRACE, 'a duration such as 7d, or a section with missing, inactive and outOfScope'),
    })
    .transform((grace): LeaversConfig['graceMs'] =>
      typeof grace === 'number' ? { missing: grace, inactive: grace, outOfScope: grace } : grace,
    )
    .describe(GRACE);
}

function limitSchema() {
  return z
    .union([z.number(), z.string()], { error: mismatch(LIMIT, LIMIT_FORM) })
    .transform((given, context): LeaverLimit => {
      const limit = limitOf(given);
      if (limit !== undefined) return limit;
      context.addIssue(`must be ${LIMIT_FORM} (${LIMIT})`);
      return z.NEVER;
    })
    .describe(LIMIT);
}

/** `2%`, `2.5%` or `20`, or undefined for anything else. */
function limitOf(given: string | number): LeaverLimit | undefined {
  if (typeof given === 'string' && given.trim().endsWith('%')) {
    const percent = /^\d{1,3}(\.\d{1,3})?\s*%$/.test(given.trim()) ? Number.parseFloat(given) : Number.NaN;
    return percent <= 50 ? { percent } : undefined;
  }
  const people = typeof given === 'string' ? wholeOf(given) : given;
  return Number.isSafeInteger(people) && people >= 0 ? { people } : undefined;
}

function beforeSchema(files: Files) {
  const what = 'a command or an https URL, run before a removal';
  const url = webUrl(what);
  return z
    .union(
      [
        text(what, 'a text with a command or an https URL'),
        list(what, z.string({ error: mismatch(what, 'a text') })),
      ],
      {
        error: mismatch(
          what,
          'a text with a command or an https URL, or a list of a program and its arguments',
        ),
      },
    )
    .transform((written, context): LeaverHook => {
      if (typeof written === 'string' && /^[a-z]+:\/\//i.test(written)) {
        const checked = url.safeParse(written);
        if (checked.success) return { url: checked.data };
        context.addIssue(checked.error.issues[0]?.message ?? what);
        return z.NEVER;
      }
      const command = commandOf(written, files);
      if (command !== undefined) return { command };
      context.addIssue(
        `must be ${what}; no shell reads a command: write one with special characters as a list`,
      );
      return z.NEVER;
    })
    .describe(what);
}
