/**
 * The walk over a parsed expression before it may run: which fields it reads, and what it must not do.
 * It rewrites `record["Full Name"]` and `record.name` to plain reads. Must never let through what the meter cannot bound.
 */
import type { parse } from '@bufbuild/cel';
import type { SyncError } from '../model/errors.ts';
import { compileError, tooDeep, unknownCall } from './expression-errors.ts';
import { compilePattern, ITEMS, type Pattern, USAGE } from './expression-functions.ts';
import { isForbiddenName } from './expression-values.ts';

export type Parsed = ReturnType<typeof parse>;
type Expr = Parsed['expr'];
type Kind<Case extends Expr['exprKind']['case']> = Extract<Expr['exprKind'], { case: Case }>;

const MAX_DEPTH = 100;
const MAX_LOOPS = 3;

/** What the walk found. */
export interface Checked {
  /** Top-level fields that are read. */
  readonly fields: Set<string>;
  /** The literal patterns of `matches`, by their source. */
  readonly patterns: Map<string, Pattern>;
  /** The calls by their id, to say where one failed. */
  readonly calls: Map<bigint, Expr>;
}

interface Walk extends Checked {
  readonly source: string;
  readonly offsets: { readonly [id: string]: number };
}

/** Where a node is on its way down: the loop variables that it sees, and how deep it is. */
interface At {
  readonly variables: ReadonlySet<string>;
  readonly depth: number;
  readonly loops: number;
}

/**
 * Checks a parsed expression, and rewrites it in place.
 * @throws SyncError `config` (`expression.…`) with the place of what is wrong.
 */
export function checkExpression(source: string, parsed: Parsed): Checked {
  const offsets = parsed.sourceInfo?.positions ?? {};
  const walk: Walk = { source, offsets, fields: new Set(), patterns: new Map(), calls: new Map() };
  visit(walk, parsed.expr, { variables: new Set(), depth: 0, loops: 0 });
  return walk;
}

/** The one field that an expression is, where it is nothing else. */
export function soleField(expr: Expr): string | undefined {
  return expr.exprKind.case === 'identExpr' ? expr.exprKind.value.name : undefined;
}

/** The fields that a call is applied to directly. */
export function directFields(expr: Expr | undefined): string[] {
  if (expr?.exprKind.case !== 'callExpr') return [];
  const { target, args } = expr.exprKind.value;
  const operands = target === undefined ? args : [target, ...args];
  return operands.map(soleField).filter((name) => name !== undefined);
}

function fault(walk: Walk, expr: Expr, code: string, reason: string): SyncError {
  return compileError(code, walk.source, offsetOf(walk, expr), reason);
}

function offsetOf(walk: Walk, expr: Expr): number {
  return walk.offsets[expr.id.toString()] ?? 0;
}

function visit(walk: Walk, expr: Expr, from: At): void {
  const at = { ...from, depth: from.depth + 1 };
  if (at.depth > MAX_DEPTH) throw tooDeep(walk.source, offsetOf(walk, expr));
  readRecord(walk, expr, at);
  const kind = expr.exprKind;
  if (kind.case === 'identExpr') visitName(walk, expr, kind, at);
  else if (kind.case === 'selectExpr') visitSelect(walk, expr, kind, at);
  else if (kind.case === 'callExpr') visitCall(walk, expr, kind, at);
  else if (kind.case === 'listExpr') visitAll(walk, kind.value.elements, at);
  else if (kind.case === 'structExpr') visitStruct(walk, expr, kind, at);
  else if (kind.case === 'comprehensionExpr') visitLoop(walk, expr, kind, at);
}

function visitAll(walk: Walk, exprs: readonly (Expr | undefined)[], at: At): void {
  for (const expr of exprs) if (expr !== undefined) visit(walk, expr, at);
}

function isRecord(expr: Expr | undefined, at: At): boolean {
  return expr !== undefined && soleField(expr) === 'record' && !at.variables.has('record');
}

/** Turns `record["x"]`, `record.x` and `has(record.x)` into reads of the field x. */
function readRecord(walk: Walk, expr: Expr, at: At): void {
  const kind = expr.exprKind;
  if (kind.case === 'selectExpr' && isRecord(kind.value.operand, at)) {
    const name = kind.value.field;
    if (kind.value.testOnly) expr.exprKind = presence(expr, name);
    else expr.exprKind = nameOf(name);
  } else if (kind.case === 'callExpr' && kind.value.function === '_[_]' && isRecord(kind.value.args[0], at)) {
    const name = literalText(kind.value.args[1]);
    if (name === undefined) {
      throw fault(walk, expr, 'record', 'a field is named by literal text, as in record["Full Name"].');
    }
    expr.exprKind = nameOf(name);
  } else if (isRecord(expr, at)) {
    throw fault(walk, expr, 'record', 'record stands only before a name, as in record["Full Name"].');
  }
}

function nameOf(name: string): Kind<'identExpr'> {
  return { case: 'identExpr', value: { $typeName: 'cel.expr.Expr.Ident', name } };
}

function presence(expr: Expr, name: string): Kind<'callExpr'> {
  const constantKind = { case: 'nullValue', value: 0 } as const;
  const nothing = { case: 'constExpr', value: { $typeName: 'cel.expr.Constant', constantKind } } as const;
  const args: Expr[] = [nameOf(name), nothing].map((exprKind) => ({
    $typeName: 'cel.expr.Expr',
    id: expr.id,
    exprKind,
  }));
  return { case: 'callExpr', value: { $typeName: 'cel.expr.Expr.Call', function: '_!=_', args } };
}

function literalText(expr: Expr | undefined): string | undefined {
  if (expr?.exprKind.case !== 'constExpr') return undefined;
  const { constantKind } = expr.exprKind.value;
  return constantKind.case === 'stringValue' ? constantKind.value : undefined;
}

function assertAllowed(walk: Walk, expr: Expr, name: string | undefined): void {
  if (name === undefined || !isForbiddenName(name)) return;
  throw fault(
    walk,
    expr,
    'forbidden-name',
    `${name} cannot be a name here. Rename the field in the directory.`,
  );
}

function visitName(walk: Walk, expr: Expr, kind: Kind<'identExpr'>, at: At): void {
  const { name } = kind.value;
  assertAllowed(walk, expr, name);
  if (at.variables.has(name)) return;
  if (name === '' || name.startsWith('.')) {
    throw fault(walk, expr, 'syntax', 'a field name is not empty and does not begin with a dot.');
  }
  walk.fields.add(name);
}

function visitSelect(walk: Walk, expr: Expr, kind: Kind<'selectExpr'>, at: At): void {
  assertAllowed(walk, expr, kind.value.field);
  visitAll(walk, [kind.value.operand], at);
}

const INNER = new Set(['_[_]', '_?_:_', '_&&_', '_||_', '@not_strictly_false', '@in', ITEMS]);
const OPERATOR = /^(?:[-!]_|_[-+*/%<>=!]=?_)$/;

function visitCall(walk: Walk, expr: Expr, kind: Kind<'callExpr'>, at: At): void {
  const { function: name, target, args } = kind.value;
  walk.calls.set(expr.id, expr);
  if (name === '_[_]') assertAllowed(walk, expr, literalText(args[1]));
  else if (!INNER.has(name) && !OPERATOR.test(name)) assertKnown(walk, expr, kind);
  if (name === 'matches') keepPattern(walk, expr, args[0]);
  visitAll(walk, [target, ...args], at);
}

function assertKnown(walk: Walk, expr: Expr, kind: Kind<'callExpr'>): void {
  const { function: name, target, args } = kind.value;
  const fits = USAGE.get(name)?.some((usage) => {
    const written = /\((.*)\)/.exec(usage)?.[1] ?? '';
    const arity = written === '' ? 0 : written.split(',').length;
    return arity === args.length && usage.startsWith(`${name}(`) === (target === undefined);
  });
  if (fits !== true) throw unknownCall(walk.source, offsetOf(walk, expr), name);
}

function keepPattern(walk: Walk, expr: Expr, argument: Expr | undefined): void {
  const pattern = literalText(argument);
  if (pattern === undefined) {
    throw fault(
      walk,
      expr,
      'pattern',
      'matches takes its pattern as literal text, as in email.matches("^a.*").',
    );
  }
  const compiled = compilePattern(pattern);
  if (compiled === undefined) {
    const reason =
      'matches cannot read this pattern. It takes RE2 syntax: no look-around and no back-references.';
    throw fault(walk, expr, 'pattern', reason);
  }
  walk.patterns.set(pattern, compiled);
}

function visitStruct(walk: Walk, expr: Expr, kind: Kind<'structExpr'>, at: At): void {
  if (kind.value.messageName !== '')
    throw unknownCall(walk.source, offsetOf(walk, expr), kind.value.messageName);
  for (const entry of kind.value.entries) {
    const key = entry.keyKind.case === 'mapKey' ? entry.keyKind.value : undefined;
    assertAllowed(walk, expr, literalText(key));
    visitAll(walk, [key, entry.value], at);
  }
}

function visitLoop(walk: Walk, expr: Expr, kind: Kind<'comprehensionExpr'>, at: At): void {
  const { iterVar, accuVar, iterRange, accuInit, loopCondition, loopStep, result } = kind.value;
  if (at.loops === MAX_LOOPS) {
    throw fault(
      walk,
      expr,
      'too-deep',
      `at most ${MAX_LOOPS} of map, filter, all and exists stand in each other.`,
    );
  }
  assertAllowed(walk, expr, iterVar);
  visitAll(walk, [iterRange, accuInit], at);
  if (iterRange !== undefined) kind.value.iterRange = metered(iterRange);
  const inside = { ...at, variables: new Set([...at.variables, iterVar, accuVar]), loops: at.loops + 1 };
  visitAll(walk, [loopCondition, loopStep, result], inside);
}

/** The range as the argument of a call, so that each pass through it is paid for and null is an empty list. */
function metered(range: Expr): Expr {
  const value: Kind<'callExpr'>['value'] = {
    $typeName: 'cel.expr.Expr.Call',
    function: ITEMS,
    args: [range],
  };
  return { ...range, exprKind: { case: 'callExpr', value } };
}
