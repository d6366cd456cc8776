/**
 * YAML 1.2 core text to plain values, with the line of each. Bounded in depth, tokens and values, whatever the
 * text; never shows an excerpt of it, for it may hold secrets.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  parseDocument,
} from 'yaml';
import { messagesOf, type YamlFault } from './document-faults.ts';
import { type Fault, pathText, type SettingPath } from './errors.ts';

/** Plain values as YAML's core schema has them. */
export type Value = string | number | boolean | null | Value[] | { [key: string]: Value };

export interface ReadDocument {
  /** Absent where the text is no YAML at all. */
  readonly tree?: Value;
  readonly faults: readonly Fault[];
  /** The line of a setting, or of what it would stand in where it is missing. */
  lineOf(path: SettingPath): number;
}

const MOST_DEPTH = 50;
const MOST_TOKENS = 200_000;
const MOST_VALUES = 50_000;
const POISON = new Set(['__proto__', 'constructor', 'prototype']);

/** Reads one YAML document. Everything that is wrong is in `faults`; duplicate and poisonous keys are left out of `tree`. */
export function readDocument(text: string): ReadDocument {
  const lines = new LineCounter();
  if (!isBounded(text)) {
    const message = `is nested deeper than ${MOST_DEPTH} levels or has more than ${MOST_TOKENS} parts: simplify it`;
    return { faults: [{ path: '', line: 0, message }], lineOf: () => 0 };
  }
  const document = parseDocument(text, {
    schema: 'core',
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
    resolveKnownTags: false,
    stringKeys: true,
    uniqueKeys: false,
  });
  const problems = [...document.errors, ...document.warnings].slice(0, 20);
  const faults = messagesOf(
    problems.map(({ code, message, pos: [offset] }): YamlFault => {
      const { line, col } = lines.linePos(offset);
      return { code, message, line, opensLine: text.slice(offset - col + 1, offset).trim() === '' };
    }),
  ).map((fault): Fault => ({ path: '', ...fault }));
  if (document.directives?.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    const message = 'declares another YAML than 1.2: remove the "%YAML" line';
    faults.push({ path: '', line: 1, message });
  }
  return faults.length > 0 ? { faults, lineOf: () => 0 } : walkDocument(document, lines);
}

/**
 * Whether the text is small enough to hand to the composer, which recurses: deep nesting exhausts the stack inside a
 * regular expression there, and that ends the process instead of throwing.
 */
function isBounded(text: string): boolean {
  const parser = new Parser();
  let tokens = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme)) if (parser.stack.length > MOST_DEPTH) return false;
    if (++tokens > MOST_TOKENS || parser.stack.length > MOST_DEPTH) return false;
  }
  return true;
}

interface Walk {
  readonly faults: Fault[];
  readonly lines: Map<string, number>;
  readonly anchors: Map<string, Node>;
  readonly lineAt: (offset: number) => number;
  values: number;
  /** Inside an alias's expansion, lines stay those of the alias. */
  aliasLine?: number;
}

function walkDocument(document: Document, counter: LineCounter): ReadDocument {
  const lineAt = (offset: number) => counter.linePos(offset).line;
  const walk: Walk = { faults: [], lines: new Map(), anchors: new Map(), lineAt, values: 0 };
  const tree = readNode(walk, document.contents, []);
  if (walk.values > MOST_VALUES) {
    const message = `holds more than ${MOST_VALUES} values once its aliases are expanded: simplify it`;
    return { faults: [{ path: '', line: 0, message }], lineOf: () => 0 };
  }
  return { tree, faults: walk.faults, lineOf: (path) => lineOf(walk.lines, path) };
}

function lineOf(lines: ReadonlyMap<string, number>, path: SettingPath): number {
  for (let length = path.length; length > 0; length--) {
    const line = lines.get(JSON.stringify(path.slice(0, length)));
    if (line !== undefined) return line;
  }
  return 1;
}

function readNode(walk: Walk, node: unknown, path: SettingPath): Value {
  if (++walk.values > MOST_VALUES) return null;
  if (isAlias(node)) return aliased(walk, node.source, node.range?.[0] ?? 0, path);
  const value = contentOf(walk, node, path);
  if (isScalar(node) || isMap(node) || isSeq(node)) {
    // Known only after its end, so that no alias stands inside its own target; and never set anew by an expansion.
    if (node.anchor !== undefined && walk.aliasLine === undefined) walk.anchors.set(node.anchor, node);
  }
  return value;
}

function contentOf(walk: Walk, node: unknown, path: SettingPath): Value {
  if (isMap(node)) return mapOf(walk, node.items, path);
  if (isSeq(node)) return node.items.map((item, index) => listItem(walk, item, [...path, index]));
  return isScalar(node) ? scalar(node.value) : null;
}

function listItem(walk: Walk, node: unknown, path: SettingPath): Value {
  note(walk, node, path);
  return readNode(walk, node, path);
}

function mapOf(walk: Walk, items: readonly { key: unknown; value: unknown }[], path: SettingPath): Value {
  const map: { [key: string]: Value } = {};
  for (const pair of items) {
    const key = isScalar(pair.key) ? String(pair.key.value) : '';
    const here = [...path, key];
    const problem = keyProblem(map, key);
    if (problem !== undefined) {
      walk.faults.push({ path: pathText(here), line: lineIn(walk, pair.key), message: problem });
      continue;
    }
    note(walk, pair.key, here);
    map[key] = readNode(walk, pair.value, here);
  }
  return map;
}

function keyProblem(map: object, key: string): string | undefined {
  if (POISON.has(key)) return 'is a name that is refused everywhere: rename it';
  return Object.hasOwn(map, key) ? 'stands here twice: keep one of the two' : undefined;
}

function aliased(walk: Walk, name: string, offset: number, path: SettingPath): Value {
  const target = walk.anchors.get(name);
  const line = walk.aliasLine ?? walk.lineAt(offset);
  if (target === undefined || path.length > MOST_DEPTH) {
    const message = 'is an alias ("*…") to nothing before it, to itself, or nests too deep';
    walk.faults.push({ path: pathText(path.slice(0, 8)), line, message });
    return null;
  }
  const outer = walk.aliasLine;
  walk.aliasLine = line;
  const value = readNode(walk, target, path);
  if (outer === undefined) delete walk.aliasLine;
  return value;
}

function note(walk: Walk, node: unknown, path: SettingPath): void {
  walk.lines.set(JSON.stringify(path), lineIn(walk, node));
}

function lineIn(walk: Walk, node: unknown): number {
  const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined;
  return walk.aliasLine ?? walk.lineAt(range?.[0] ?? 0);
}

function scalar(value: unknown): Value {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return null;
}
