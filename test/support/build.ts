/** The product as `npm run build` makes it, for tests that run real processes: built once for each state of the source. */
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(ROOT, 'node_modules', '.cache', 'omni-directory-sync');
/** A build takes seconds. */
const STALE_MS = 30_000;
const DAY_MS = 86_400_000;

/**
 * Returns the path of a `dist` folder that holds the source as it is now, beside a copy of package.json.
 * Types are not checked (that is `tsc --noEmit`'s); a syntax error fails. Any number of tests may ask at once.
 */
export async function ensureBuilt(): Promise<string> {
  const source = await sourceFiles();
  const built = join(CACHE, await contentHash(source));
  await mkdir(CACHE, { recursive: true });
  while (!(await exists(built))) {
    const lock = await tryLock(`${built}.lock`);
    if (lock === undefined) await sleep(50);
    else await build(built).finally(lock);
  }
  return join(built, 'dist');
}

async function sourceFiles(): Promise<string[]> {
  const { include }: { include: string[] } = JSON.parse(
    await readFile(join(ROOT, 'tsconfig.build.json'), 'utf8'),
  );
  const found = await Promise.all(
    include.map(async (folder) => {
      const names = await readdir(join(ROOT, folder), { recursive: true }).catch(() => []);
      return names.filter((name) => /\.(ts|json|js|css)$/.test(name)).map((name) => join(folder, name));
    }),
  );
  return [...found.flat(), 'package.json', 'tsconfig.json', 'tsconfig.build.json'].sort();
}

async function contentHash(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(await readFile(join(ROOT, file)))
      .update('\0');
  return hash.digest('hex').slice(0, 16);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Undefined while another process builds. A lock whose owner was killed is thrown away: two builders do no harm. */
async function tryLock(path: string): Promise<(() => Promise<void>) | undefined> {
  try {
    await writeFile(path, '', { flag: 'wx' });
    return () => rm(path, { force: true });
  } catch {
    if ((await ageOf(path)) > STALE_MS) await rm(path, { force: true });
    return undefined;
  }
}

/** In milliseconds; 0 where there is nothing. */
async function ageOf(path: string): Promise<number> {
  const stats = await stat(path).catch(() => undefined);
  return stats === undefined ? 0 : Date.now() - stats.mtimeMs;
}

/** Builds aside and moves it into place whole, so that even two builders at once end with one good folder. */
async function build(target: string): Promise<void> {
  await removeOld();
  const aside = `${target}.${randomUUID()}`;
  const dist = join(aside, 'dist');
  try {
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const args = [tsc, '-p', 'tsconfig.build.json', '--noCheck', '--outDir', dist];
    await promisify(execFile)(process.execPath, args, { cwd: ROOT });
    await cp(join(ROOT, 'ops', 'assets'), join(dist, 'ops', 'assets'), { recursive: true });
    await writeFile(join(aside, 'package.json'), await readFile(join(ROOT, 'package.json')));
    if (await exists(join(ROOT, 'config')))
      await cp(join(ROOT, 'config'), join(aside, 'config'), { recursive: true });
    await rename(aside, target).catch(async (error) => {
      if (!(await exists(target))) throw error;
    });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function removeOld(): Promise<void> {
  for (const name of await readdir(CACHE)) {
    const path = join(CACHE, name);
    if ((await ageOf(path)) > DAY_MS) await rm(path, { recursive: true, force: true });
  }
}
