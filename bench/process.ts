/** Programs as processes of their own, with what they used: CPU and peak memory as the system counts them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** A line of a program's log. */
export type Line = Readonly<Record<string, unknown>>;

export interface Launched {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string }>;
  /** Resolves with the first line of its log that says `message`. */
  said(message: string): Promise<Line>;
}

/** Starts a script of the compiled tree, and leaves it. What it told of a failure is told here. */
export function launch(script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Launched {
  const child = spawn(process.execPath, ['--import', USAGE, join(DIST, script), ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<{ code: number | null; stdout: string }>((resolve) => {
    child.once('close', (code) => {
      if (code !== null && code !== 0) process.stderr.write(stderr);
      resolve({ code, stdout });
    });
  });
  const said = async (message: string) => {
    for (;;) {
      const line = stderr
        .split('\n')
        .find((text) => text.startsWith('{') && text.includes(`"msg":"${message}"`));
      if (line !== undefined) return JSON.parse(line) as Line;
      if (child.exitCode !== null) throw new Error(`${script} ended before it said: ${message}`);
      await sleep(10);
    }
  };
  return { child, ended, said };
}

/** SIGTERM, and its end. */
export async function endInOrder({ child, ended }: Launched): Promise<void> {
  child.kill('SIGTERM');
  await ended;
}

/** Waits until `fact` holds; looks each `everyMs`. */
export async function until(fact: () => boolean | Promise<boolean>, everyMs = 20): Promise<void> {
  for (const since = performance.now(); !(await fact()); await sleep(everyMs)) {
    if (performance.now() - since > 1_200_000) throw new Error(`it did not come true: ${fact.toString()}`);
  }
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
