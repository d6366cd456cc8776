/** The configuration that `omni-sync init` writes: what was answered, and beside it what else may be set. Pure. */
import { stringify } from 'yaml';

/** What the questions came to; an empty text was left out. */
export interface Answers {
  readonly name: string;
  /** Keys of the section `directory`, in their order. */
  readonly directory: Readonly<Record<string, string>>;
  /** Keys of the section `users` but `attributes`. */
  readonly users: Readonly<Record<string, string>>;
  /** Omni attribute reference → expression. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly omni: Readonly<Record<string, string>>;
  readonly policy: string;
}

/** The file's text. */
export function configurationText(answers: Answers): string {
  const { name, directory, users, attributes, omni, policy } = answers;
  const mapped = Object.keys(attributes).length > 0;
  return [
    '# Written by `omni-sync init`. Every setting: docs/configuration.md, and config/omni-sync.example.yaml.',
    'syncs:',
    `  - name: ${scalar(name)}`,
    '    schedule: "*/15 * * * *" # cron; every 15 minutes',
    '    timezone: UTC',
    '    directory:',
    ...section(directory),
    '    users: # CEL expressions over the fields of a record',
    ...section(users),
    ...(mapped ? ['      attributes: # of Omni, by reference', ...section(attributes, 8)] : []),
    '    omni:',
    ...section(omni),
    `    policy: ${policy} # create: only creates; upsert: creates and updates; full: takes leavers away too`,
    '',
  ].join('\n');
}

function section(keys: Readonly<Record<string, string>>, indent = 6): string[] {
  return Object.entries(keys)
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${' '.repeat(indent)}${scalar(key)}: ${scalar(value)}`);
}

/** A text as YAML writes it on one line; a `${` of its own is no variable. */
function scalar(text: string): string {
  return stringify(text.replaceAll('${', '$${'), { lineWidth: 0, blockQuote: false }).trimEnd();
}
