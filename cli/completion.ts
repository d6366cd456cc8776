/** `omni-sync completion`: a script that completes verbs and options in a shell, made from the verbs themselves. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: shells' own variables
import { Argument, type Command, type Option } from 'commander';

/** Adds the verb to `program`. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('a script for your shell that completes verbs and options')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SCRIPTS)))
    .action((shell: keyof typeof SCRIPTS) => {
      process.stdout.write(SCRIPTS[shell](program));
    });
}

const SCRIPTS = { bash, zsh, fish } as const;

function bash(program: Command): string {
  const cases = program.commands.map(
    (verb) => `    ${verb.name()}) words="${[...choicesOf(verb), ...longOptions(verb)].join(' ')}" ;;`,
  );
  return [
    '# omni-sync completion bash > /etc/bash_completion.d/omni-sync',
    '_omni_sync() {',
    `  local words="${program.commands.map((verb) => verb.name()).join(' ')}"`,
    '  if [ "$COMP_CWORD" -gt 1 ]; then words=""; case "${COMP_WORDS[1]}" in',
    ...cases,
    '  esac; fi',
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    'complete -o default -F _omni_sync omni-sync',
    '',
  ].join('\n');
}

function zsh(program: Command): string {
  const verbs = program.commands.map((verb) => `    ${quoted(`${verb.name()}:${verb.description()}`)}`);
  const cases = program.commands.map((verb) => {
    const options = verb.options.map((option) =>
      quoted(`${option.long}[${plain(option)}]${zshValue(option)}`),
    );
    return `    ${verb.name()}) _arguments ${[...options, ...zshWords(verb), "'*:: :_files'"].join(' ')} ;;`;
  });
  return [
    '#compdef omni-sync',
    '# omni-sync completion zsh > "${fpath[1]}/_omni-sync"',
    '_omni-sync() {',
    '  local -a verbs=(',
    ...verbs,
    '  )',
    '  if (( CURRENT == 2 )); then _describe verb verbs; return; fi',
    '  local verb=${words[2]}',
    '  shift words; (( CURRENT-- ))',
    '  case $verb in',
    ...cases,
    '  esac',
    '}',
    'compdef _omni-sync omni-sync',
    '',
  ].join('\n');
}

function fish(program: Command): string {
  const lines = program.commands.flatMap((verb) => [
    `complete -c omni-sync -f -n __fish_use_subcommand -a ${verb.name()} -d ${quoted(verb.description())}`,
    ...choicesOf(verb).map(
      (word) => `complete -c omni-sync -n '__fish_seen_subcommand_from ${verb.name()}' -a ${word}`,
    ),
    ...verb.options.map((option) => {
      const value = takesValue(option) ? ' -r' : '';
      const when = `-n '__fish_seen_subcommand_from ${verb.name()}'`;
      return `complete -c omni-sync ${when} -l ${option.name()}${value} -d ${quoted(plain(option))}`;
    }),
  ]);
  return ['# omni-sync completion fish > ~/.config/fish/completions/omni-sync.fish', ...lines, ''].join('\n');
}

function longOptions(verb: Command): string[] {
  return verb.options.flatMap(({ long }) => (long ? [long] : []));
}

/** The words that a verb takes. */
function choicesOf(verb: Command): string[] {
  return verb.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function zshWords(verb: Command): string[] {
  const words = choicesOf(verb);
  return words.length === 0 ? [] : [quoted(`1:what:(${words.join(' ')})`)];
}

function zshValue(option: Option): string {
  if (!takesValue(option)) return '';
  if (option.argChoices) return `:${option.name()}:(${option.argChoices.join(' ')})`;
  return option.name() === 'config' ? ':file:_files' : `:${option.name()}:`;
}

/** A description without what zsh's `_arguments` reads as its own. */
function plain({ description }: Option): string {
  return description.replace(/[[\]:]/g, ' ');
}

/** A word for any of the shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", '’')}'`;
}
