/** Questions in a terminal, answered by a person or by lines on standard input. Never shows what is typed as a secret. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { z } from 'zod';
import { SyncError } from '../model/errors.ts';
import { say } from './print.ts';

export interface Question {
  readonly text: string;
  /** Taken for an empty answer; without one an answer is needed. */
  readonly preset?: string;
  /** Typed unseen. */
  readonly secret?: boolean;
  /** What is wrong with an answer; the question is put again then. */
  readonly problem?: (answer: string) => string | undefined;
}

export interface Asker {
  /** @throws SyncError `config` where the input ends before the answer. */
  ask(question: Question): Promise<string>;
  close(): void;
}

/** Asks on standard output. */
export function openAsker(): Asker {
  let hidden = false;
  const output = new Writable({
    write(chunk, _, done) {
      if (!hidden) process.stdout.write(chunk);
      done();
    },
  });
  const { stdin } = process;
  const lines = createInterface({ input: stdin, output, terminal: stdin.isTTY === true });
  const answers = lines[Symbol.asyncIterator]();

  async function answerTo({ text, preset, secret = false }: Question): Promise<string> {
    const hint = preset === undefined || preset === '' ? '' : ` [${preset}]`;
    lines.setPrompt(`${text}${hint}: `);
    lines.prompt();
    hidden = secret;
    const next = await answers.next();
    if (secret && stdin.isTTY === true) process.stdout.write('\n');
    hidden = false;
    if (next.done === true) throw ended(text);
    return next.value.trim() || (preset ?? '');
  }

  return {
    async ask(question) {
      for (;;) {
        const answer = await answerTo(question);
        const missing = answer === '' && question.preset === undefined ? 'an answer is needed' : undefined;
        const problem = missing ?? question.problem?.(answer);
        if (problem === undefined) return answer;
        say(`  ${problem}`);
      }
    },
    close: () => lines.close(),
  };
}

function ended(text: string): SyncError {
  return new SyncError(
    'config',
    'cli.init',
    `the input ended at "${text}": nothing was written; run \`omni-sync init\` again`,
  );
}

/** A schema as the problem of a question. */
export function problemOf(schema: z.ZodType): (answer: string) => string | undefined {
  return (answer) => schema.safeParse(answer).error?.issues[0]?.message;
}

/** A choice as the problem of a question. */
export function oneOfThese(choices: readonly string[]): (answer: string) => string | undefined {
  return (answer) => (choices.includes(answer) ? undefined : `answer ${choices.join(' or ')}`);
}
