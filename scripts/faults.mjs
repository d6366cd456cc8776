/**
 * `npm run faults [-- --seeds N]`: runs every test that the matrix of faults names (test/faults/matrix.md) and N days of
 * the random campaign (25 where left out), and writes what came of each row to docs/faults.md.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = join(ROOT, 'docs', 'faults.md');
const MARK = '<!-- results -->';
const RANDOM = 'faults/random.test.ts';

/** The rows of the matrix, as in test/faults/rows.ts. */
function matrix() {
  return readFileSync(join(ROOT, 'test', 'faults', 'matrix.md'), 'utf8')
    .split('\n')
    .filter((line) => /^\| \d/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, number, fault, expected, invariants, shown, less]) => ({
      ...{ number, fault, expected, invariants, less },
      shown: shown.split('<br>').map((text) => {
        const [file, ...words] = text.split(': ');
        return { file, words: words.join(': ').split('; ') };
      }),
    }));
}

/** Title and status of each test of these files, by file. */
function run(files, seeds) {
  const folder = mkdtempSync(join(tmpdir(), 'faults-'));
  const outputFile = join(folder, 'results.json');
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const paths = files.map((file) => join('test', file));
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${outputFile}`];
  const env = { ...process.env, FAULT_SEEDS: String(seeds) };
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...paths], {
    cwd: ROOT,
    env,
    stdio: 'inherit',
  });
  const { testResults } = JSON.parse(readFileSync(outputFile, 'utf8'));
  rmSync(folder, { recursive: true });
  const tests = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, status: came }) => ({
      file: name.split('/test/').pop(),
      fullName,
      came,
    })),
  );
  return { status, tests };
}

function resultOf({ shown }, tests) {
  const found = shown.flatMap(({ file, words }) =>
    words.map((word) => tests.filter((test) => test.file === file && test.fullName.includes(word))),
  );
  const all = found.flat();
  const failed = all.filter(({ came }) => came !== 'passed').length;
  if (found.some((some) => some.length === 0)) return 'a test is **missing**';
  return failed === 0 ? `${all.length} passed` : `**${failed} of ${all.length} failed**`;
}

function lineOf(row, tests) {
  const { number, fault, expected, invariants, shown, less } = row;
  const files = shown.map(({ file }) => `\`test/${file}\``).join('<br>');
  return `| ${number} | ${fault} | ${expected} | ${invariants} | ${files} | ${resultOf(row, tests)} | ${less} |`;
}

const at = process.argv.indexOf('--seeds');
const seeds = at < 0 ? 25 : Number(process.argv[at + 1]);
if (!Number.isInteger(seeds) || seeds < 0) throw new Error('--seeds takes a whole number');
const rows = matrix();
const files = [...new Set([...rows.flatMap(({ shown }) => shown.map(({ file }) => file)), RANDOM])];
const { status, tests } = run(files, seeds);
const days = tests.filter(({ file }) => file === RANDOM);
const bad = days.filter(({ came }) => came !== 'passed').map(({ fullName }) => fullName);
const [head = ''] = readFileSync(PAGE, 'utf8').split(MARK);
const day = new Date().toISOString().slice(0, 10);
const said = `Run on ${day}. Random campaign: ${days.length} seeds, ${bad.length} with a violation${bad.length > 0 ? ` (${bad.join(', ')})` : ''}.`;
const heading = [
  '| | fault | expected | judged by | shown in | result | less |',
  '| --- | --- | --- | --- | --- | --- | --- |',
];
const table = rows.map((row) => lineOf(row, tests));
writeFileSync(PAGE, [head.trimEnd(), '', MARK, '', said, '', ...heading, ...table, ''].join('\n'));
process.exitCode = status ?? 1;
