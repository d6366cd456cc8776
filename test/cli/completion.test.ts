/** The completion scripts, asked by a real bash; and the examples, held to the verbs that they show. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt } from '../support/build.ts';

let main: string;
const help = (...args: string[]) => execFileSync(process.execPath, [main, ...args], { encoding: 'utf8' });

beforeAll(async () => {
  main = join(await ensureBuilt(), 'cli/main.js');
});

/** What bash proposes for the last of these words. */
function proposed(...words: string[]): string[] {
  const script = help('completion', 'bash');
  const ask = `${script}\nCOMP_WORDS=(omni-sync "$@"); COMP_CWORD=$#; _omni_sync; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const printed = execFileSync('bash', ['-c', ask, 'bash', ...words], { encoding: 'utf8' });
  return printed.split('\n').filter((line) => line !== '');
}

describe('omni-sync completion', () => {
  it('proposes verbs, and the options of a verb', () => {
    expect(proposed('re')).toEqual(expect.arrayContaining(['retry', 'resume']));
    expect(proposed('run', '--js')).toEqual(['--json']);
    expect(proposed('pause', '--js')).toEqual([]);
    expect(proposed('links', 'ex')).toEqual(['export']);
  });

  it('has a script for each shell, with every verb in it', () => {
    const verbs = proposed('');
    expect(verbs.length).toBeGreaterThan(10);
    for (const shell of ['bash', 'zsh', 'fish']) {
      const script = help('completion', shell);
      expect(verbs.filter((verb) => !script.includes(verb))).toEqual([]);
    }
  });
});

describe('the examples of --help', () => {
  it('are there for every verb, with options that it has', () => {
    for (const verb of proposed('').filter((name) => name !== 'completion')) {
      const [options = '', examples = ''] = help(verb, '--help').split('Examples:\n');
      const used = [...examples.matchAll(/ (--[a-z-]+)/g)].map(([, option = '']) => option);
      expect({ verb, examples }).toEqual({ verb, examples: expect.stringContaining(`omni-sync ${verb}`) });
      expect(used.filter((option) => !options.includes(option))).toEqual([]);
    }
  });
});
