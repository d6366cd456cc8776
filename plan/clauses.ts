/**
 * An expression split at its logical operators, each part with its own value: which clause of a scope says no.
 * Must never give a part another meaning than it has in the whole: what is not surely split stays whole.
 */
import { isSyncError } from '../model/errors.ts';
import type { DirectoryRecord } from '../model/person.ts';
import type { Clause, Evaluated } from '../model/story.ts';
import { compileExpression } from './expression.ts';

/** Operators as they bind: the loosest first. */
const JOINS = ['||', '&&'] as const;
/** Nested deeper than this nobody reads it. */
const MAX_DEPTH = 20;

/** The clauses of `source` for `record`. Never throws for a record. */
export function clausesOf(source: string, record: DirectoryRecord, depth = 0): Clause {
  const text = unwrapped(source);
  const whole = evaluatedFor(text, record);
  const split = depth < MAX_DEPTH ? splitOf(text) : undefined;
  if (split === undefined) return { ...whole, joinedBy: null, parts: [] };
  const parts = split.parts.map((part) => clausesOf(part, record, depth + 1));
  return { ...whole, joinedBy: split.joinedBy, parts };
}

/** What an expression gives for a record, or why it gives nothing. */
export function evaluatedFor(source: string, record: DirectoryRecord): Evaluated {
  try {
    return { source, value: compileExpression(source).evaluate(record) };
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return { source, value: null, refusal: error.message };
  }
}

interface Split {
  readonly joinedBy: '&&' | '||' | '!';
  readonly parts: readonly string[];
}

function splitOf(text: string): Split | undefined {
  const marks = topLevel(text);
  // A choice binds looser than any of them.
  if (marks === undefined || marks.some(({ mark }) => mark === '?')) return undefined;
  for (const joinedBy of JOINS) {
    const cuts = marks.filter(({ mark }) => mark === joinedBy).map(({ at }) => at);
    if (cuts.length === 0) continue;
    const parts = [0, ...cuts.map((at) => at + 2)].map((from, i) => text.slice(from, cuts[i]).trim());
    return parts.every(compiles) ? { joinedBy, parts } : undefined;
  }
  const negated = text.startsWith('!') ? text.slice(1).trim() : '';
  return negated.startsWith('(') && unwrapped(negated) !== negated && compiles(negated)
    ? { joinedBy: '!', parts: [negated] }
    : undefined;
}

function compiles(source: string): boolean {
  try {
    compileExpression(source);
    return true;
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return false;
  }
}

/** Without the brackets that enclose all of it. */
function unwrapped(source: string): string {
  const text = source.trim();
  if (!text.startsWith('(') || !text.endsWith(')')) return text;
  const inner = text.slice(1, -1);
  // `(a) && (b)` begins and ends with brackets, too: they close before the end.
  return topLevel(inner) === undefined ? text : unwrapped(inner);
}

interface Mark {
  readonly mark: '||' | '&&' | '?';
  readonly at: number;
}

/** What is passed over in one piece: strings (triple, raw, plain), and comments. */
const OPAQUE =
  /""".*?"""|'''.*?'''|[bB]?[rR][bB]?(?:"[^"]*"|'[^']*')|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\/\/[^\n]*/sy;

/** The logical operators outside all brackets and strings; nothing where the brackets do not match. */
function topLevel(text: string): Mark[] | undefined {
  const marks: Mark[] = [];
  let depth = 0;
  for (let at = 0; at < text.length; ) {
    const token = tokenAt(text, at);
    if ('([{'.includes(token)) depth++;
    else if (')]}'.includes(token)) depth--;
    else if (depth === 0 && isMark(token)) marks.push({ mark: token, at });
    if (depth < 0) return undefined;
    at += token.length;
  }
  return depth === 0 ? marks : undefined;
}

function tokenAt(text: string, at: number): string {
  OPAQUE.lastIndex = at;
  const opaque = OPAQUE.exec(text)?.[0];
  return opaque ?? (JOINS.find((join) => text.startsWith(join, at)) || text.charAt(at));
}

function isMark(token: string): token is Mark['mark'] {
  return token === '||' || token === '&&' || token === '?';
}
