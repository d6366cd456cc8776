/**
 * One expression of the configuration, compiled: CEL over a record's fields (docs/adr/0002-cel-engine.md).
 * Must never run longer than its meter allows, whatever the record, nor name a value of one in an error.
 */
import { type CelInput, isCelError, parse, plan } from '@bufbuild/cel';
import { SyncError } from '../model/errors.ts';
import type { DirectoryRecord, FieldValue } from '../model/person.ts';
import { type Checked, checkExpression, directFields, type Parsed, soleField } from './expression-check.ts';
import { compileError, evaluationError, syntaxError } from './expression-errors.ts';
import { createEngine, refuel } from './expression-functions.ts';
import { fromCel, isForbiddenName, readField, toCel } from './expression-values.ts';

/** The longest source, in UTF-16 units. */
const MAX_SOURCE = 2_000;
const BARE = /^\s*([A-Za-z_]\w*)\s*$/;
const LITERALS: ReadonlySet<string> = new Set(['true', 'false', 'null', 'record']);

export interface Expression {
  readonly source: string;
  /** Top-level record fields that it reads. */
  readonly fields: ReadonlySet<string>;
  /** The one field that it is, where it is nothing else: a directory can be asked for it. */
  readonly field?: string;
  /**
   * The expression's value for one record. A field that the record lacks, or holds as `""`, is null.
   * @throws SyncError `refused`: `record.expression` (it does not fit this record), `record.too-large`,
   * `record.forbidden-key`, `record.bad-value`. The message holds field names and types, never a value.
   */
  evaluate(record: DirectoryRecord): FieldValue;
}

/**
 * Compiles an expression. One that is a field's name alone never touches the CEL engine.
 *
 * null is what a field without a value holds. It equals null alone, so `status == "active"` is false for it; nothing
 * is `in` it, and all, exists, map and filter find it empty; `orElse` gives it a stand-in; everything else refuses it.
 * Whole numbers are CEL ints, others doubles; `+ - * /` and comparisons take both.
 * @throws SyncError `config` (`expression.…`) with the place and a mend.
 */
export function compileExpression(source: string): Expression {
  if (source.trim() === '')
    throw compileError('empty', source, 0, 'it is empty. Name a field, or write an expression.');
  if (source.length > MAX_SOURCE) {
    throw compileError('too-long', source, MAX_SOURCE, `it is longer than ${MAX_SOURCE} characters.`);
  }
  const bare = BARE.exec(source)?.[1];
  if (bare !== undefined && !LITERALS.has(bare) && !isForbiddenName(bare))
    return fieldExpression(source, bare);
  const parsed = parseSource(source);
  const checked = checkExpression(source, parsed);
  const field = soleField(parsed.expr);
  return field === undefined ? celExpression(source, parsed, checked) : fieldExpression(source, field);
}

function fieldExpression(source: string, field: string): Expression {
  return { source, field, fields: new Set([field]), evaluate: (record) => readField(record, field) };
}

function parseSource(source: string): Parsed {
  try {
    return parse(source);
  } catch (cause) {
    throw syntaxError(source, cause);
  }
}

function celExpression(source: string, parsed: Parsed, checked: Checked): Expression {
  const { env, meter } = createEngine(checked.patterns);
  const run = plan(env, parsed.expr);
  const fields = [...checked.fields];
  const evaluate = (record: DirectoryRecord): FieldValue => {
    refuel(meter);
    const value = run(bind(record, fields));
    if (meter.refusal !== undefined) throw tooCostly(meter.refusal);
    if (!isCelError(value)) return fromCel(value);
    const id = value.exprId ?? -1n;
    const call = checked.calls.get(id);
    const offset = parsed.sourceInfo?.positions[id.toString()];
    throw evaluationError(source, value, {
      empty: directFields(call).filter(
        (name) => checked.fields.has(name) && readField(record, name) === null,
      ),
      ...(call?.exprKind.case === 'callExpr' && { call: call.exprKind.value.function }),
      ...(offset !== undefined && { offset }),
    });
  };
  return { source, fields: checked.fields, evaluate };
}

/** The fields as the engine reads them. Without a prototype: the engine looks names up with `[]`. */
function bind(record: DirectoryRecord, fields: readonly string[]): Record<string, CelInput> {
  const bindings: Record<string, CelInput> = Object.create(null);
  for (const field of fields) bindings[field] = toCel(readField(record, field));
  return bindings;
}

function tooCostly(refusal: string): SyncError {
  const mend = 'Make the expression simpler, or the field shorter in the directory.';
  return new SyncError('refused', 'record.expression', `The expression was stopped: ${refusal}. ${mend}`);
}
