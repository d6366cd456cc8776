/** Faults on demand: what may go wrong, and which request it strikes. Carries none of them out. */
import { z } from 'zod';

const milliseconds = z.number().nonnegative();
const commit = z.boolean().optional();

/**
 * What goes wrong. `commit` says whether the request is carried out before its answer is spoiled: by default not
 * for `status`, `redirect` and `html` (somebody before Omni answered), and yes for what Omni itself would answer.
 */
const faultSchema = z.discriminatedUnion('kind', [
  /** Answers `status`; `body` is sent as it is where it is text, else as JSON. */
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(200).max(599),
    body: z.unknown().optional(),
    headers: z.record(z.string(), z.string()).optional(),
    commit,
  }),
  z.strictObject({
    kind: z.literal('redirect'),
    status: z.union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)]),
    location: z.string(),
    commit,
  }),
  z.strictObject({ kind: z.literal('html'), status: z.union([z.literal(200), z.literal(502)]), commit }),
  /** Waits, then goes on as if nothing was. */
  z.strictObject({ kind: z.literal('delay'), ms: milliseconds }),
  /** Carries the request out, then waits before it answers. */
  z.strictObject({ kind: z.literal('delayAfter'), ms: milliseconds }),
  /** Carries the request out, then closes the socket without an answer. */
  z.strictObject({ kind: z.literal('dropAfterCommit') }),
  /** Half of the body, then the end of the connection. */
  z.strictObject({ kind: z.literal('cut') }),
  /** One byte each `ms`: of the body, or of the head too. */
  z.strictObject({ kind: z.literal('drip'), ms: milliseconds, part: z.enum(['head', 'body']).optional() }),
  /** Half of the body, announced as all of it. */
  z.strictObject({ kind: z.literal('malformed') }),
  /** The right status, no body. */
  z.strictObject({ kind: z.literal('empty') }),
  /** Every `id` is a number. */
  z.strictObject({ kind: z.literal('wrongId') }),
  /** The answer, followed by white space up to `bytes`, its length not announced. */
  z.strictObject({ kind: z.literal('huge'), bytes: z.int().positive() }),
  /** Resets the connection before anything is done. */
  z.strictObject({ kind: z.literal('reset') }),
  /**
   * Answers well, then closes the idle keep-alive connection after `ms`; left out: resets it in the moment that
   * the next request comes on it (a client that lost the race).
   */
  z.strictObject({ kind: z.literal('idleClose'), ms: milliseconds.optional() }),
]);

export type Fault = z.infer<typeof faultSchema>;

/** Checks a rule that came over the control API. */
export const faultRule = z.strictObject({
  /** The fault itself. */
  fault: faultSchema,
  method: z.string().optional(),
  /** On the normalised route: a prefix, or a regular expression where it begins with `^`. */
  path: z.string().refine(isUsable, 'Expected a prefix, or a regular expression').optional(),
  /** The address that the request is about (body, filter, or the account of the id), without case. */
  userName: z.string().optional(),
  /** How many matching requests go by unharmed first. Default 0. */
  skip: z.int().nonnegative().optional(),
  /** How often it strikes. Default: always. */
  times: z.int().positive().optional(),
  /** The chance of each matching request to be struck, from a generator seeded with `seed`. Default 1. */
  probability: z.number().min(0).max(1).optional(),
  seed: z.int().optional(),
});

export type FaultRule = z.infer<typeof faultRule>;

/** What a rule is held against. */
export interface Subject {
  readonly method: string;
  readonly path: string;
  readonly userName?: string | undefined;
}

/** A rule and how it fared. */
export interface ArmedRule {
  readonly rule: FaultRule;
  readonly seen: number;
  readonly struck: number;
}

/** The rules in force, in the order in which they were added; the first that strikes is the one. */
export class Faults {
  #armed: { rule: FaultRule; seen: number; struck: number; random: () => number }[] = [];

  add(rule: FaultRule): void {
    this.#armed.push({ rule, seen: 0, struck: 0, random: generator(rule.seed ?? 1) });
  }

  clear(): void {
    this.#armed = [];
  }

  list(): ArmedRule[] {
    return this.#armed.map(({ rule, seen, struck }) => ({ rule, seen, struck }));
  }

  /** The fault that this request meets, if any; counts it. */
  pick(subject: Subject): Fault | undefined {
    for (const armed of this.#armed) {
      const { rule } = armed;
      if (!concerns(rule, subject) || armed.struck >= (rule.times ?? Number.POSITIVE_INFINITY)) continue;
      armed.seen += 1;
      if (armed.seen <= (rule.skip ?? 0) || armed.random() >= (rule.probability ?? 1)) continue;
      armed.struck += 1;
      return rule.fault;
    }
    return undefined;
  }
}

function concerns(rule: FaultRule, subject: Subject): boolean {
  if (rule.method !== undefined && rule.method.toUpperCase() !== subject.method) return false;
  if (rule.path !== undefined && !pathMatches(rule.path, subject.path)) return false;
  return rule.userName === undefined || rule.userName.toLowerCase() === subject.userName?.toLowerCase();
}

function pathMatches(wanted: string, path: string): boolean {
  if (wanted.startsWith('^')) return new RegExp(wanted, 'i').test(path);
  return path.toLowerCase().startsWith(wanted.toLowerCase());
}

function isUsable(path: string): boolean {
  try {
    pathMatches(path, '');
    return true;
  } catch {
    return false;
  }
}

/** Mulberry32: the same seed strikes the same requests. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
