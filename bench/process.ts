/** Programs as processes of their own, with what they used: CPU and peak memory as the system counts them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The compiled tree that this file stands in. */
export const DIST = fileURLToPath(new URL('..', import.meta.url));
const USAGE = fileURLToPath(new URL('usage.js', import.meta.url));

export interface Used {
  readonly code: number | null;
  readonly stdout: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

export interface Launched {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string }>;
}

/** Starts a script of the compiled tree, and leaves it. */
export function launch(script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Launched {
  const child = spawn(process.execPath, ['--import', USAGE, join(DIST, script), ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  const ended = new Promise<{ code: number | null; stdout: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout }));
  });
  return { child, ended };
}

/** Runs a script to its end. */
export async function used(
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Used> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-usage-'));
  const file = join(folder, 'usage.json');
  const began = performance.now();
  try {
    const { code, stdout } = await launch(script, args, { ...env, BENCH_USAGE: file }).ended;
    const seconds = (performance.now() - began) / 1000;
    const { cpuSeconds, peakMiB } = JSON.parse(readFileSync(file, 'utf8')) as Used;
    return { code, stdout, seconds, cpuSeconds, peakMiB };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
