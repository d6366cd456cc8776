import { Command } from 'commander';
import { expect, it } from 'vitest';
import { dashedRefsApart } from '../../cli/dashed-refs.ts';

const REF = '-Ab3defghijklmn_';

function program(): Command {
  const made = new Command('omni-sync');
  made.command('approve').argument('[person...]').requiredOption('--digest <digest>').option('--all');
  made.command('explain').argument('<person>').option('--fifteen-letter').option('--sync <name>');
  made.command('status').option('--json');
  return made;
}

const apart = (line: string) => dashedRefsApart(line.split(' '), program()).join(' ');

it('sets a ref that begins with a dash behind the options, wherever it stands', () => {
  expect(apart(`explain ${REF}`)).toBe(`explain -- ${REF}`);
  expect(apart(`explain ${REF} --sync acme`)).toBe(`explain --sync acme -- ${REF}`);
  expect(apart(`approve E1 --all ${REF} --digest x`)).toBe(`approve E1 --all --digest x -- ${REF}`);
  expect(apart('explain --Ab3defghijklm_')).toBe('explain -- --Ab3defghijklm_');
});

it('leaves values of options, options, other words and verbs that are about nobody as they are', () => {
  for (const line of [
    `approve E1 --digest ${REF}`,
    `approve --digest x -- ${REF}`,
    'explain E1 --misspelt',
    'explain E1 --fifteen-letter',
    `status ${REF}`,
    '--version',
  ])
    expect(apart(line)).toBe(line);
});

it('keeps what is both the value of an option and a ref', () => {
  expect(apart(`approve --digest ${REF} ${REF}`)).toBe(`approve --digest ${REF} -- ${REF}`);
});
