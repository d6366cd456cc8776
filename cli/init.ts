/**
 * `omni-sync init`: asks what a configuration needs, tries each answer at once, writes the file and its secrets, then
 * runs `check`. Never overwrites anything, and writes nothing before the last answer.
 */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { openAsker } from './asker.ts';
import { check } from './check.ts';
import type { CommonOptions } from './context.ts';
import { askAll, type Written } from './init-questions.ts';
import { configurationText } from './init-yaml.ts';
import { say } from './print.ts';

const DEFAULT_FILE = 'config/omni-sync.yaml';

/** Asks, writes, checks; the status is `check`'s. @throws SyncError `config` where the file is there already. */
export async function init(options: CommonOptions): Promise<number> {
  const file = resolve(options.config ?? DEFAULT_FILE);
  if (existsSync(file)) throw exists(file);
  const asker = openAsker();
  let written: Written;
  try {
    say('Answer with Enter to take what stands in [brackets].\n');
    written = await askAll(asker, dirname(file));
  } finally {
    asker.close();
  }
  await mkdir(dirname(file), { recursive: true });
  const { answers, secrets } = written;
  for (const [name, secret] of Object.entries(secrets))
    await writeNew(join(dirname(file), name), `${secret}\n`);
  await writeNew(file, configurationText(answers));
  const shown = relative(process.cwd(), file);
  say(
    `\nWritten: ${shown} and beside it ${Object.keys(secrets).join(', ')} (only you may read them). Checking:\n`,
  );
  const status = await check({ ...options, config: file });
  const config = shown === DEFAULT_FILE ? '' : ` --config ${shown}`;
  say(
    `\nNext: \`omni-sync plan${config}\` shows what a run would do, \`omni-sync run${config}\` does it, \`omni-sync start${config}\` goes on doing it and shows it at http://127.0.0.1:8787.`,
  );
  return status;
}

async function writeNew(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600, flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') throw exists(file);
    throw error;
  });
}

function exists(file: string): SyncError {
  return new SyncError(
    'config',
    'cli.init',
    `${file} is there already and is not overwritten: move it away, or name another with --config`,
  );
}
