/** Refs that begin with a dash, as one in 64 does: the log names people so, and who pastes one means a person, not an option. */
import type { Command } from 'commander';
import { isRefShaped } from '../ledger/ref.ts';

/** The words of a command line, the verb first, with such refs behind `--`, where commander takes no word for an option. */
export function dashedRefsApart(words: readonly string[], program: Command): readonly string[] {
  const verb = program.commands.find((command) => command.name() === words[0]);
  const isAboutPeople = verb?.registeredArguments.some((argument) => argument.name() === 'person') === true;
  if (!isAboutPeople || words.includes('--')) return words;
  const optionOf = (word: string | undefined) => verb.options.find(({ long }) => long === word);
  const isApart = (word: string, i: number) =>
    word.startsWith('-') &&
    isRefShaped(word) &&
    optionOf(word) === undefined &&
    optionOf(words[i - 1])?.required !== true;
  const apart = words.filter(isApart);
  const rest = words.filter((word, i) => !isApart(word, i));
  return apart.length === 0 ? words : [...rest, '--', ...apart];
}
