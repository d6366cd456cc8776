/**
 * `npm run build`: makes dist/ from the sources, whole or not at all; does nothing where it holds them already. Uses
 * nothing but Node until the compiler is started.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const ASIDE = join(ROOT, 'dist.new');
const MARK = '.built-from';
/** What the pages are drawn with; taken as it is. */
const ASSETS = join('ops', 'assets');

/** Builds where that is needed. Returns whether dist/ now holds the sources as they are. */
export function build() {
  const sources = hashOfSources();
  if (builtFrom() === sources) return true;
  rmSync(ASIDE, { recursive: true, force: true });
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', 'tsconfig.build.json', '--outDir', ASIDE];
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  if (status === 0) {
    copyAssets(ASIDE);
    writeFileSync(join(ASIDE, MARK), sources);
    rmSync(DIST, { recursive: true, force: true });
    renameSync(ASIDE, DIST);
  }
  rmSync(ASIDE, { recursive: true, force: true });
  return status === 0;
}

/** Puts beside compiled files what they read and the compiler leaves out. */
export function copyAssets(out) {
  cpSync(join(ROOT, ASSETS), join(out, ASSETS), { recursive: true });
}

function builtFrom() {
  const mark = join(DIST, MARK);
  return existsSync(mark) ? readFileSync(mark, 'utf8') : undefined;
}

/** Of contents, not of times: a checkout or a restored cache has any times. */
function hashOfSources() {
  const { include } = JSON.parse(readFileSync(join(ROOT, 'tsconfig.build.json'), 'utf8'));
  const files = include.flatMap((folder) =>
    existsSync(join(ROOT, folder))
      ? readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
          .filter((name) => name.endsWith('.ts'))
          .map((name) => join(folder, name))
      : [],
  );
  const hash = createHash('sha256');
  const assets = readdirSync(join(ROOT, ASSETS)).map((name) => join(ASSETS, name));
  for (const file of [
    ...files.sort(),
    ...assets.sort(),
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
  ])
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(ROOT, file)))
      .update('\0');
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = build() ? 0 : 1;
