/** A service as a real process: hearing what it logs, waiting for a fact, and its end in order. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Process } from './journey.ts';

/** A line of its log. */
type Line = Readonly<Record<string, unknown>>;

/** Hears a process, from its start; the function that it returns resolves with the first line that says `message`. */
export function listen({ ended, told }: Process): (message: string) => Promise<Line> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  return async (message) => {
    for (let read = 0; ; await sleep(20)) {
      const text = told();
      const whole = text.lastIndexOf('\n') + 1;
      const said = linesOf(text.slice(read, whole)).find(({ msg }) => msg === message);
      if (said !== undefined) return said;
      read = whole;
      if (over) throw new Error(`it ended before it said: ${message}`);
    }
  };
}

function linesOf(text: string): Line[] {
  const lines = text.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Line);
}

/** Waits until `fact` holds. */
export async function until(fact: () => boolean | Promise<boolean>, timeoutMs = 240_000): Promise<void> {
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
