// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own ${…} is under test
/** The pages, held to what they speak of: links lead somewhere, examples load, every key and every verb is there. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { ensureBuilt } from './support/build.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');

const pages = ['.', 'docs', 'docs/adr', 'deploy'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

/** Prose alone: code may hold brackets of its own. */
function linksOf(page: string): string[] {
  const prose = page.replace(/^( *)```[\s\S]*?^\1```$/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** The heading anchors of a page, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  return [...page.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function leads(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(ROOT, file))) return false;
  return anchor === undefined || anchorsOf(text(file)).includes(anchor);
}

describe('the pages', () => {
  it.each(pages)('%s links only to what is there', (page) => {
    const wrong = linksOf(text(page)).filter((target) => !/^https?:/.test(target) && !leads(page, target));
    expect(wrong).toEqual([]);
  });

  it('would not pass a link to nowhere', () => {
    expect(linksOf('[a](b.md) `[c](d.md)` [e](#f)')).toEqual(['b.md', '#f']);
    expect(leads('README.md', 'docs/nothing.md')).toBe(false);
    expect(leads('README.md', 'docs/architecture.md#words')).toBe(true);
    expect(leads('README.md', 'docs/architecture.md#no-words')).toBe(false);
  });

  it('name only files of the house that are there', () => {
    const named = pages.flatMap((page) =>
      [
        ...text(page).matchAll(
          /`((?:cli|worker|directory|omni|ops|plan|jobs|ledger|config|http|model|sandbox|test|scripts|demo)\/[\w./-]+\.\w+)`/g,
        ),
      ].map(([, path = '']) => path),
    );
    // The operator's own file, and nobody else's.
    const absent = new Set(
      named.filter((path) => !existsSync(join(ROOT, path)) && path !== 'config/omni-sync.yaml'),
    );
    expect(named.length).toBeGreaterThan(30);
    expect([...absent]).toEqual([]);
  });
});

describe('README.md', () => {
  it('has an example that loads', () => {
    const [, indented = ''] = /```yaml\n([\s\S]*?)```/.exec(text('README.md')) ?? [];
    const folder = mkdtempSync(join(tmpdir(), 'docs-test-'));
    try {
      const path = join(folder, 'omni-sync.yaml');
      writeFileSync(path, indented.replace(/^ {3}/gm, ''));
      const config = loadConfig({ path, env: { OMNI_API_KEY: 'omni_osk_1234567890' }, cwd: folder });
      expect(config.warnings).toEqual([]);
      expect(config.syncs[0]).toMatchObject({ name: 'acme', policy: 'upsert', timezone: 'Europe/Berlin' });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('lists the verbs that the program has, and no other', async () => {
    const verbs = await verbsOfProgram();
    const rows = [...text('README.md').matchAll(/^\| `([a-z]+)/gm)].map(([, verb = '']) => verb);
    expect(verbs.length).toBeGreaterThan(1);
    expect(rows.toSorted()).toEqual(verbs.toSorted());
  });
});

/** As `omni-sync help` lists them. */
async function verbsOfProgram(): Promise<string[]> {
  const main = join(await ensureBuilt(), 'cli/main.js');
  const help = execFileSync(process.execPath, [main, 'help'], { encoding: 'utf8' });
  return [...help.matchAll(/^ {2}(?!help)([a-z]+) [[<]/gm)].map(([, verb = '']) => verb);
}

/** Every `omni-sync verb`, in backticks, within the texts of a source: comments and code do not count. */
function verbsNamedIn(source: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const text = ts.isStringLiteralLike(node) || ts.isTemplateLiteralToken(node) ? node.text : '';
    found.push(...[...text.matchAll(/`omni-sync ([a-z-]+)/g)].map(([, verb = '']) => verb));
    node.forEachChild(visit);
  };
  visit(ts.createSourceFile('a.ts', source, ts.ScriptTarget.ES2023, true));
  return found;
}

describe('the messages of the program', () => {
  it('name only verbs that it has', async () => {
    const verbs = new Set(['help', ...(await verbsOfProgram())]);
    const folders = ['cli', 'worker', 'ledger', 'config', 'plan', 'omni', 'directory', 'ops'];
    const named = folders.flatMap((folder) =>
      readdirSync(join(ROOT, folder))
        .filter((name) => name.endsWith('.ts'))
        .flatMap((name) => verbsNamedIn(text(join(folder, name))).map((verb) => ({ folder, name, verb }))),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter(({ verb }) => !verbs.has(verb))).toEqual([]);
  });

  it('are found in plain texts and templates, and nowhere else', () => {
    const source = [
      '// `omni-sync a`',
      "say('`omni-sync b` and `omni-sync c --all`');",
      'say(`\\`omni-sync d\\` ${x} \\`omni-sync e\\``);',
    ];
    expect(verbsNamedIn(source.join('\n'))).toEqual(['b', 'c', 'd', 'e']);
  });
});

describe('docs/configuration.md', () => {
  it('has every key of the schema, and no other', () => {
    const keys = new Set(namesIn(JSON.parse(text('config/schema.json'))));
    const page = text('docs/configuration.md');
    const cells = [...page.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell = '']) => cell).join(' ');
    const named = new Set(
      [...page.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.match(/\w+/g) ?? []),
    );
    expect([...keys].filter((key) => !named.has(key))).toEqual([]);
    const rows = [...cells.matchAll(/`([^`]+)`/g)].flatMap(([, code = '']) => code.match(/\w+/g) ?? []);
    expect(rows.filter((key) => !keys.has(key))).toEqual([]);
  });
});

/** Every name of a setting in a JSON Schema. */
function namesIn(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema ? Object.keys(schema.properties ?? {}) : [];
  return [...own, ...Object.values(schema).flatMap(namesIn)];
}
