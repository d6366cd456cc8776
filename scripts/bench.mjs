/**
 * `npm run bench [-- b1 b4 …]`: compiles the benchmarks with the product, runs them one after the other, each a process of
 * its own, and writes what they report to docs/benchmarks.md. Figures of one run on one machine, to reason with.
 */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { copyAssets } from './build.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = join(ROOT, 'node_modules', '.cache', 'bench');
const PAGE = join(ROOT, 'docs', 'benchmarks.md');
const MARK = '<!-- figures -->';

function compile() {
  mkdirSync(OUT, { recursive: true });
  copyFileSync(join(ROOT, 'package.json'), join(OUT, 'package.json'));
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', join(ROOT, 'bench'), '--outDir', join(OUT, 'dist')];
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) throw new Error('the benchmarks do not compile: mend what tsc says above');
  copyAssets(join(OUT, 'dist'));
}

/** Runs one and gives its figures; what it prints otherwise goes to standard error. */
async function figuresOf(name) {
  process.stderr.write(`bench: ${name}\n`);
  const child = spawn(process.execPath, [join(OUT, 'dist', 'bench', `${name}.js`)], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const figures = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const figure = JSON.parse(line);
    process.stderr.write(
      `  ${figure.what}: ${figure.figure}${figure.met === false ? ` (goal ${figure.goal}: MISSED)` : ''}\n`,
    );
    figures.push(figure);
  }
  const code = await ended;
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
  return figures;
}

/** Figures of benchmarks that were not run now stay as they are. */
function write(figures) {
  const page = readFileSync(PAGE, 'utf8');
  const [head = '', table = ''] = page.split(MARK);
  const run = new Set(figures.map(({ bench }) => bench));
  const kept = table.split('\n').filter((line) => /^\| B\d+ /.test(line) && !run.has(line.split(' ')[1]));
  const day = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
  const fresh = figures.map(({ bench, what, figure, goal, met }) => {
    const verdict = met === undefined ? '' : met ? 'met' : '**missed**';
    return `| ${bench} | ${what} | ${figure} | ${goal ?? ''} | ${verdict} | ${day} |`;
  });
  const order = (line) => Number(/^\| B(\d+)/.exec(line)?.[1]);
  const rows = [...kept, ...fresh].sort((a, b) => order(a) - order(b));
  const heading = ['| | what | figure | goal | | run on |', '| --- | --- | --- | --- | --- | --- |'];
  writeFileSync(
    PAGE,
    [head.trimEnd(), '', MARK, '', `Machine of the last run: ${machine}.`, '', ...heading, ...rows, ''].join(
      '\n',
    ),
  );
}

const wanted = process.argv.slice(2).map((name) => name.toLowerCase());
const all = readdirSync(join(ROOT, 'bench'))
  .flatMap((file) => /^(b\d+-[\w-]+)\.ts$/.exec(file)?.[1] ?? [])
  .sort((a, b) => Number.parseInt(a.slice(1), 10) - Number.parseInt(b.slice(1), 10));
const chosen = all.filter((name) => wanted.length === 0 || wanted.includes(name.split('-')[0]));
compile();
const figures = [];
for (const name of chosen) figures.push(...(await figuresOf(name)));
write(figures);
