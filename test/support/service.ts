/** A service as a real process: hearing what it logs, waiting for a fact, and its end in order. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Process } from './journey.ts';

/** A line of its log. */
type Line = Readonly<Record<string, unknown>>;

/** Hears a process; the function that it returns resolves with the first line that says `message`. */
export function listen({ child }: Process): (message: string) => Promise<Line> {
  const lines: Line[] = [];
  let rest = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    const parts = `${rest}${chunk.toString()}`.split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.filter((part) => part.startsWith('{')).map((part) => JSON.parse(part) as Line));
  });
  return async (message) => {
    for (let seen = 0; ; await sleep(20)) {
      for (; seen < lines.length; seen++) if (lines[seen]?.msg === message) return lines[seen] ?? {};
      if (child.exitCode !== null) throw new Error(`it ended before it said: ${message}`);
    }
  };
}

/** Waits until `fact` holds. */
export async function until(fact: () => boolean | Promise<boolean>, timeoutMs = 45_000): Promise<void> {
  for (const since = Date.now(); !(await fact()); await sleep(20)) {
    if (Date.now() - since > timeoutMs) throw new Error(`it did not come true: ${fact.toString()}`);
  }
}

/** SIGTERM, and status 0. */
export async function endInOrder({ child, ended }: Process): Promise<void> {
  child.kill('SIGTERM');
  const { code, stderr } = await ended;
  expect({ code, stderr }).toMatchObject({ code: 0 });
}
