/**
 * The functions that an expression may call, and the meter that bounds what one evaluation costs.
 * Must never run a JavaScript RegExp that a setting or a record wrote, and lets no function go unmetered.
 */
import {
  type CelEnv,
  type CelFunc,
  type CelList,
  type CelResult,
  CelScalar,
  type CelValue,
  celEnv,
  celError,
  celFunc,
  celList,
  celMethod,
  isCelError,
  isCelList,
  isCelMap,
  listType,
} from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { RE2JS } from '@bufbuild/re2';
import { MAX_ENTRIES, MAX_TEXT } from './expression-values.ts';

/** How each function is written, by name; what is not here cannot be called. Macros (has, all, map, …) expand before. */
export const USAGE: ReadonlyMap<string, readonly string[]> = new Map([
  ['contains', ['text.contains(part)']],
  ['double', ['double(value)']],
  ['endsWith', ['text.endsWith(part)']],
  ['indexOf', ['text.indexOf(part)']],
  ['int', ['int(value)']],
  ['bool', ['bool(value)']],
  ['join', ['list.join()', 'list.join(separator)']],
  ['lowerAscii', ['text.lowerAscii()']],
  ['matches', ['text.matches("pattern")']],
  ['orElse', ['value.orElse(other)']],
  ['replace', ['text.replace(part, other)']],
  ['size', ['size(value)', 'value.size()']],
  ['split', ['text.split(separator)']],
  ['startsWith', ['text.startsWith(part)']],
  ['string', ['string(value)']],
  ['substring', ['text.substring(start)', 'text.substring(start, end)']],
  ['trim', ['text.trim()']],
  ['upperAscii', ['text.upperAscii()']],
]);

/** The call that a comprehension's range is wrapped in: no source can write it. */
export const ITEMS = '@items';

/** What one evaluation may spend; a unit is about ten nanoseconds, so that the worst takes well under a second. */
const FUEL = 5_000_000;
const CALL_COST = 30;
const ITEM_COST = 30;
/** A character costs RE2 about a microsecond at worst. */
const MATCH_COST = 32;
/** In the worst text, these cost the product of both lengths. */
const SEARCHES: ReadonlySet<string> = new Set(['contains', 'indexOf', 'replace', 'split']);

/** Counts what an evaluation spends. `refusal` says why it was stopped, once it was. */
interface Meter {
  left: number;
  refusal: string | undefined;
  /** The arguments that were paid for last: the overloads of one call are tried with the same array. */
  paid: readonly CelValue[] | undefined;
}

interface Engine {
  readonly env: CelEnv;
  readonly meter: Meter;
}

/** A pattern that runs in linear time. */
export type Pattern = Pick<RE2JS, 'test'>;

/** Compiles a pattern of RE2's syntax, or gives nothing where RE2 refuses it. */
export function compilePattern(source: string): Pattern | undefined {
  try {
    return RE2JS.compile(source);
  } catch {
    return undefined;
  }
}

/** An engine for one expression, with its patterns by their source. */
export function createEngine(patterns: ReadonlyMap<string, Pattern>): Engine {
  const meter: Meter = { left: 0, refusal: undefined, paid: undefined };
  const standard = [...celEnv({ funcs: strings }).funcs];
  const funcs = [...standard, ...textFunctions(patterns), ...valueFunctions(), ...mixedArithmetic()];
  return { env: celEnv({ funcs: funcs.map((func) => metered(func, meter)) }), meter };
}

/** Fills the meter for one evaluation. */
export function refuel(meter: Meter): void {
  meter.left = FUEL;
  meter.refusal = undefined;
  meter.paid = undefined;
}

const { BOOL, DOUBLE, DYN, INT, NULL, STRING } = CelScalar;
const LIST = listType(DYN);

function textFunctions(patterns: ReadonlyMap<string, Pattern>): CelFunc[] {
  return [
    celMethod('matches', STRING, [STRING], BOOL, function (pattern) {
      return patterns.get(pattern)?.test(this) ?? false;
    }),
    celMethod('replace', STRING, [STRING, STRING], STRING, function (part, other) {
      return joined(this.split(part), other);
    }),
    celMethod('split', STRING, [STRING], LIST, function (separator) {
      return celList(this.split(separator));
    }),
    celMethod('join', LIST, [], STRING, function () {
      return joined(texts(this), '');
    }),
    celMethod('join', LIST, [STRING], STRING, function (separator) {
      return joined(texts(this), separator);
    }),
  ];
}

function texts(list: CelList): string[] {
  return [...list].map((entry) => {
    if (typeof entry !== 'string') throw new Error('join takes a list of texts');
    return entry;
  });
}

/** Counted before it is made: this is where a short expression could ask for gigabytes. */
function joined(pieces: readonly string[], separator: string): string {
  const length = pieces.reduce((sum, piece) => sum + piece.length + separator.length, 0);
  if (length > MAX_TEXT + separator.length) throw new TooLarge();
  return pieces.join(separator);
}

class TooLarge extends Error {}

function valueFunctions(): CelFunc[] {
  return [
    celMethod('orElse', DYN, [DYN], DYN, function (other) {
      return this ?? other;
    }),
    // An absent list is an empty one: nothing is in it, and there is nothing to go through.
    celFunc('@in', [DYN, NULL], BOOL, () => false),
    celFunc(ITEMS, [DYN], DYN, (range) => range ?? celList([])),
    celFunc('_+_', [LIST, LIST], LIST, concatenated),
  ];
}

/** What the lists hold that were put together here: `map` and `filter` grow theirs an entry at a time. */
const contents = new WeakMap<object, CelValue[]>();

function concatenated(left: CelList, right: CelList): CelList {
  const entries = entriesOf(left).concat(entriesOf(right));
  const list = celList(entries);
  contents.set(list, entries);
  weights.set(list, weigh(left) + weigh(right));
  return list;
}

function entriesOf(list: CelList): CelValue[] {
  return contents.get(list) ?? [...list];
}

/** CEL wants int and double kept apart; a JSON number is now the one, now the other. */
function mixedArithmetic(): CelFunc[] {
  const operators: readonly (readonly [string, (left: number, right: number) => number])[] = [
    ['_+_', (left, right) => left + right],
    ['_-_', (left, right) => left - right],
    ['_*_', (left, right) => left * right],
    ['_/_', (left, right) => left / right],
  ];
  return operators.flatMap(([name, apply]) => [
    celFunc(name, [INT, DOUBLE], DOUBLE, (left, right) => apply(Number(left), right)),
    celFunc(name, [DOUBLE, INT], DOUBLE, (left, right) => apply(left, Number(right))),
  ]);
}

/** The same function, paid for before it runs and with a result that is no larger than allowed. */
function metered(func: CelFunc, meter: Meter): CelFunc {
  const call = (id: number, target: CelValue | undefined, args: CelValue[]): CelResult | undefined => {
    if (meter.paid !== args) {
      meter.paid = args;
      meter.left -= cost(func.name, target, args);
      if (meter.left < 0) throw stop(meter, 'it took too many steps');
    }
    const result = func.call(id, target, args);
    if (isTooLarge(result)) throw stop(meter, 'it made a text or a list that is too large');
    // The engine leaves out where its own functions failed.
    const isLost = isCelError(result) && result.exprId === undefined;
    return isLost ? celError(result.message, id) : result;
  };
  return Object.create(func, { call: { value: call } }) as CelFunc; // as: Object.create is untyped
}

function stop(meter: Meter, refusal: string): Error {
  meter.refusal = refusal;
  return new Error(refusal);
}

function isTooLarge(result: CelResult | undefined): boolean {
  if (typeof result === 'string') return result.length > MAX_TEXT;
  if (isCelError(result)) return result.cause instanceof TooLarge;
  return isCelList(result) && (result.size > MAX_ENTRIES || weigh(result) > MAX_TEXT * 16);
}

/** What a call costs by its name; where it is not here, what it is applied to is weighed. */
const PRICES: ReadonlyMap<string, (value: CelValue) => number> = new Map([
  [ITEMS, (value: CelValue) => ITEM_COST * sizeOf(value)],
  ['_+_', sizeOf],
  ['matches', (value: CelValue) => MATCH_COST * sizeOf(value)],
]);

function cost(name: string, target: CelValue | undefined, args: readonly CelValue[]): number {
  const price = PRICES.get(name) ?? weigh;
  let sum = target === undefined ? CALL_COST : CALL_COST + price(target);
  for (const value of args) sum += price(value);
  const [part] = args;
  if (target !== undefined && part !== undefined && SEARCHES.has(name)) {
    sum += (sizeOf(target) * sizeOf(part)) / 64;
  }
  return sum;
}

function sizeOf(value: CelValue): number {
  if (typeof value === 'string') return value.length;
  return isCelList(value) || isCelMap(value) ? value.size : 0;
}

const weights = new WeakMap<object, number>();

/** How much a value holds, what is nested in it included: lists that share an inner list count it each time. */
function weigh(value: CelValue): number {
  if (typeof value === 'string') return value.length;
  if (!isCelList(value) && !isCelMap(value)) return 1;
  const known = weights.get(value);
  if (known !== undefined) return known;
  let weight = 1;
  const entries: Iterable<CelValue> = isCelList(value) ? value : value.values();
  for (const entry of entries) weight += 8 + weigh(entry);
  weights.set(value, weight);
  return weight;
}
