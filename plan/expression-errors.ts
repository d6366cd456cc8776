/**
 * What is said when an expression does not compile or does not evaluate: where, why, and how to mend it.
 * Must never repeat a value of a record: types and field names only.
 */
import type { CelError } from '@bufbuild/cel';
import { SyncError } from '../model/errors.ts';
import { nearest } from '../model/nearest.ts';
import { USAGE } from './expression-functions.ts';

/** Where in a source `offset` is: `column 5`, with the line in a source of several. */
function placeIn(source: string, offset: number): string {
  const before = source.slice(0, offset).split('\n');
  const column = `column ${(before.at(-1) ?? '').length + 1}`;
  return source.includes('\n') ? `line ${before.length}, ${column}` : column;
}

/** A compile error of kind `config`, with its code after `expression.`, at `offset` of the source. */
export function compileError(code: string, source: string, offset: number, reason: string): SyncError {
  return new SyncError(
    'config',
    `expression.${code}`,
    `The expression is wrong at ${placeIn(source, offset)}: ${reason}`,
  );
}

/** What people write who come from other languages, at the place where the parser stopped. */
const HABITS: readonly (readonly [RegExp, string])[] = [
  [/^=(?!=)/, 'to compare, write =='],
  [/^and\b/i, 'for "and", write &&'],
  [/^or\b/i, 'for "or", write ||'],
  [/^not\b/i, 'for "not", write !'],
  [/^&(?!&)/, 'for "and", write &&'],
  [/^\|(?!\|)/, 'for "or", write ||'],
  [/^[‘’“”]/, 'text stands in straight quotes, "like this"'],
  [/^["']/, 'this text has no closing quote, or something is missing before it'],
  [/^[-+*/%<>!,.]/, 'something is missing after it, or it cannot stand here'],
  [/^\?/, 'a choice is written: condition ? one : other'],
];

/** What the parser refused, at the place where it stopped. */
export function syntaxError(source: string, cause: unknown): SyncError {
  if (cause instanceof RangeError) return tooDeep(source, 0);
  const offset = stoppedAt(cause);
  const rest = source.slice(offset);
  const hint = HABITS.find(([pattern]) => pattern.test(rest))?.[1];
  const found =
    rest === '' ? 'it ends too early' : `${JSON.stringify(rest.slice(0, 12))} was not expected here`;
  const mend = hint ?? 'a field whose name is no plain word is written record["Full Name"]';
  return compileError('syntax', source, offset, `${found}; ${mend}.`);
}

function stoppedAt(cause: unknown): number {
  if (typeof cause !== 'object' || cause === null || !('location' in cause)) return 0;
  const location = cause.location as { start?: { offset?: number } } | null; // as: the parser's error is untyped
  return location?.start?.offset ?? 0;
}

export function tooDeep(source: string, offset: number): SyncError {
  return compileError(
    'too-deep',
    source,
    offset,
    'it is nested too deeply, or too long a chain. Make it simpler.',
  );
}

/** A call of something that does not exist, or not in this form. */
export function unknownCall(source: string, offset: number, name: string): SyncError {
  const usage = USAGE.get(name);
  if (usage !== undefined) {
    return compileError('arguments', source, offset, `${name} is written ${usage.join(' or ')}.`);
  }
  const meant = nearest(name, [...USAGE.keys(), ...MACROS]);
  const mend = meant === undefined ? `There are: ${[...USAGE.keys()].join(', ')}` : `Did you mean ${meant}`;
  const stop = meant === undefined ? '.' : '?';
  return compileError('unknown-function', source, offset, `there is no function ${name}. ${mend}${stop}`);
}

const MACROS = ['has', 'all', 'exists', 'exists_one', 'map', 'filter'];

const OPERATORS: ReadonlyMap<string, string> = new Map([
  ['@in', 'in'],
  ['_[_]', '[]'],
  ['!_', '!'],
  ['-_', '-'],
]);

/** How a called function or operator is spelled in a source. */
function spelled(name: string): string {
  return OPERATORS.get(name) ?? (name.startsWith('_') ? name.replaceAll('_', '') : name);
}

const TYPE_WORDS: ReadonlyMap<string, string> = new Map([
  ['null_type', 'nothing'],
  ['string', 'text'],
  ['int', 'a number'],
  ['double', 'a number'],
  ['uint', 'a number'],
  ['bool', 'true or false'],
]);

function typeWord(type: string): string {
  return TYPE_WORDS.get(type) ?? type.replace(/\(.*/, '');
}

/** Where the evaluation failed, as far as the engine tells. */
interface Failure {
  /** The function or operator, as the parser names it. */
  readonly call?: string;
  readonly offset?: number;
  /** Fields that it was applied to and that the record leaves empty. */
  readonly empty: readonly string[];
}

/** An evaluation error of kind `refused` (`record.expression`). Never repeats the engine's message: it may quote the record. */
export function evaluationError(source: string, error: CelError, failure: Failure): SyncError {
  const place = failure.offset === undefined ? '' : ` at ${placeIn(source, failure.offset)}`;
  const reason = reasonFor(error, failure);
  return new SyncError('refused', 'record.expression', `The expression failed${place}: ${reason}`);
}

function reasonFor(error: CelError, { call, empty }: Failure): string {
  if (call === undefined) return 'there is no such entry. Test for it first, as in has(a.b) ? a.b : null.';
  return `${spelled(call)} cannot be applied to ${operands(error.message)}. ${mend(empty)}`;
}

function operands(message: string): string {
  // The engine's list of types stands last: `… applied to 'string.(null_type)'`, `… '(int, string)'`.
  const types = /applied to '([a-z_()., ]*)'$/.exec(message)?.[1];
  if (types === undefined) return 'what this record holds';
  const words = types.match(/[a-z_]+(?:\([a-z_, ]*\))?/g) ?? [];
  return words.length === 0 ? 'nothing' : words.map(typeWord).join(' and ');
}

function mend(empty: readonly string[]): string {
  if (empty.length === 0) return 'Convert with string(…), int(…) or double(…), or choose with a condition.';
  const [first] = empty;
  return `${empty.join(' and ')} ${empty.length === 1 ? 'is' : 'are'} empty here: write ${first}.orElse(…) for a stand-in.`;
}
