/** The house's shape, read from its syntax trees: floors, circles, sizes, and the few rules that no linter knows. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MOST_LINES = 250;
const MOST_FUNCTION_LINES = 60;

/** Folder → the folders that it may import from, as the table of docs/architecture.md says. */
const FLOORS = floorTable(readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8'));
const HOUSE = [...FLOORS.keys()];
/** Beside the house, and held to the rules about single files too. */
const BESIDE = ['sandbox', 'bench', 'test'];

interface Source {
  /** From the root, as in `plan/decide.ts`. */
  readonly path: string;
  readonly folder: string;
  readonly tree: ts.SourceFile;
  /** Files that it imports, type imports included, from the root. */
  readonly imports: readonly string[];
}

const sources = [...HOUSE, ...BESIDE].flatMap(sourcesOf);
const house = sources.filter(({ folder }) => FLOORS.has(folder));

/** Rows such as `| 5 | \`cli/\` | verbs | worker, ops |`; `all below` are the folders of lower floors. */
function floorTable(text: string): ReadonlyMap<string, readonly string[]> {
  const rows = [...text.matchAll(/^\| (\d) \| `(\w+)\/` \|[^|]*\| ([^|]+) \|$/gm)].map((row) => row.slice(1));
  return new Map(
    rows.map(([floor = '', folder = '', words = '']) => {
      const below = rows.filter(([other = '']) => Number(other) < Number(floor)).map(([, name = '']) => name);
      const named = words.split(',').map((word) => word.trim());
      if (named[0] === 'all below') return [folder, below];
      return [folder, named.filter((word) => word !== 'nothing')];
    }),
  );
}

function sourcesOf(folder: string): Source[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(join(ROOT, path), 'utf8');
      const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
      return { path, folder, tree, imports: importsOf(path, tree) };
    });
}

function importsOf(path: string, tree: ts.SourceFile): string[] {
  const found: string[] = [];
  walk(tree, (node) => {
    const name = specifierOf(node);
    if (name?.startsWith('.')) found.push(relative(ROOT, join(ROOT, dirname(path), name)));
  });
  return found;
}

/** What an import, a re-export, an `import('…')` or the type of one names. */
function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return textOf(node.moduleSpecifier);
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return textOf(node.argument.literal);
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return textOf(node.arguments[0]);
  return undefined;
}

function textOf(node: ts.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined;
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

/** The lines `path:line` of nodes that `is` picks. */
function places({ path, tree }: Source, is: (node: ts.Node) => boolean): string[] {
  const found: string[] = [];
  walk(tree, (node) => {
    if (is(node)) found.push(`${path}:${lineOf(tree, node.getStart(tree))}`);
  });
  return found;
}

function lineOf(tree: ts.SourceFile, position: number): number {
  return tree.getLineAndCharacterOfPosition(position).line + 1;
}

const folderOf = (path: string) => path.split('/')[0] ?? '';
/** The one file that may reach out of the house. */
const isAllowedOut = (path: string, target: string) =>
  path === 'cli/sandbox.ts' && folderOf(target) === 'sandbox';

describe('the floors', () => {
  it('are those of docs/architecture.md, a folder each', () => {
    expect(HOUSE.toSorted()).toEqual([
      'cli',
      'config',
      'directory',
      'http',
      'jobs',
      'ledger',
      'model',
      'omni',
      'ops',
      'plan',
      'worker',
    ]);
    const { include } = JSON.parse(readFileSync(join(ROOT, 'tsconfig.build.json'), 'utf8')) as {
      include: string[];
    };
    expect(include.toSorted()).toEqual([...HOUSE, 'sandbox'].toSorted());
  });

  it('import only from where the table allows', () => {
    const wrong = house.flatMap(({ path, folder, imports }) =>
      imports
        .filter((target) => folderOf(target) !== folder && !FLOORS.get(folder)?.includes(folderOf(target)))
        .filter((target) => !isAllowedOut(path, target))
        .map((target) => `${path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('leave the sandbox alone, and the sandbox them', () => {
    const wrong = sources
      .filter(({ folder }) => folder === 'sandbox')
      .flatMap(({ path, imports }) =>
        imports
          .filter((target) => folderOf(target) !== 'sandbox')
          .map((target) => `${path} imports ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  it('import files that are there, by their whole name', () => {
    const wrong = sources.flatMap(({ path, imports }) =>
      imports
        .filter((target) => !existsSync(join(ROOT, target)) || !/\.\w+$/.test(target))
        .map((target) => `${path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('have no circle of imports', () => {
    expect(circles(new Map(sources.map(({ path, imports }) => [path, imports])))).toEqual([]);
  });
});

/** Each circle once, as `a → b → a`. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found = new Map<string, string>();
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      const circle = trail.slice(at);
      found.set(circle.toSorted().join(), [...circle, path].join(' → '));
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return [...found.values()];
}

describe('circles', () => {
  it('finds one of two files and one of three', () => {
    const graph = new Map([
      ['a', ['b']],
      ['b', ['a', 'c']],
      ['c', ['d']],
      ['d', ['b']],
      ['e', ['a']],
    ]);
    expect(circles(graph)).toEqual(['a → b → a', 'b → c → d → b']);
  });
});

describe('single files', () => {
  it('open with a comment that says what they are for', () => {
    const opens = ({ tree }: Source) => /^(#!.*\n)?\/\*\*/.test(tree.text);
    const silent = sources.filter((source) => source.folder !== 'test' && !opens(source));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it(`of the house and the sandbox have at most ${MOST_LINES} lines`, () => {
    const long = sources
      .filter(({ folder }) => folder !== 'test')
      .map(({ path, tree }) => ({ path, lines: tree.text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > MOST_LINES);
    expect(long.map(({ path, lines }) => `${path}: ${lines} lines`)).toEqual([]);
  });

  it(`have functions of at most ${MOST_FUNCTION_LINES} lines`, () => {
    const long = sources
      .filter(({ folder }) => folder !== 'test')
      .flatMap((source) =>
        places(source, (node) => ts.isFunctionLike(node) && linesOf(source.tree, node) > MOST_FUNCTION_LINES),
      );
    expect(long).toEqual([]);
  });

  it('read the environment in config/process.ts alone', () => {
    const reads = (node: ts.Node) =>
      ts.isPropertyAccessExpression(node) &&
      node.name.text === 'env' &&
      node.expression.getText().endsWith('process');
    const wrong = sources
      .filter(({ path, folder }) => folder !== 'test' && folder !== 'bench' && path !== 'config/process.ts')
      .flatMap((source) => places(source, reads));
    expect(wrong).toEqual([]);
  });

  it('of plan/ await nothing and read no clock', () => {
    const impure = (node: ts.Node) =>
      ts.isAwaitExpression(node) ||
      (ts.isIdentifier(node) && ['Date', 'performance', 'process'].includes(node.text));
    expect(
      house.filter(({ folder }) => folder === 'plan').flatMap((source) => places(source, impure)),
    ).toEqual([]);
  });
});

function linesOf(tree: ts.SourceFile, node: ts.Node): number {
  return lineOf(tree, node.getEnd()) - lineOf(tree, node.getStart(tree)) + 1;
}
