/** What is wrong in a configuration and how it is told. Never prints the value of a setting. */
import { SyncError } from '../model/errors.ts';

/** One thing that is wrong. `line` counts from 1; 0 means the file as a whole. `path` is '' there. */
export interface Fault {
  /** As people write it: `syncs[0].omni.url`. */
  readonly path: string;
  readonly line: number;
  /** What is wrong and how to mend it. */
  readonly message: string;
}

/** Keys and list positions from the root of the file to a setting. */
export type SettingPath = readonly PropertyKey[];

const MOST_SHOWN = 50;

/** A SyncError of kind `config` whose message lists every fault, in the order of the file's lines. */
export class ConfigError extends SyncError {
  readonly faults: readonly Fault[];

  constructor(code: string, file: string, faults: readonly Fault[]) {
    const sorted = faults.toSorted((a, b) => a.line - b.line);
    super('config', code, messageOf(file, sorted));
    this.name = 'ConfigError';
    this.faults = sorted;
  }
}

/**
 * A path as it stands in messages: `syncs[0].users.attributes["Cost centre"]`. Control characters are escaped, and a
 * key that could be a misplaced secret is not shown.
 */
export function pathText(path: SettingPath): string {
  let text = '';
  for (const step of path) {
    const key = String(step);
    if (typeof step === 'number') text += `[${step}]`;
    else if (!isShown(key)) text += '["…"]';
    else if (/^[\w-]+$/.test(key)) text += text === '' ? key : `.${key}`;
    else text += `[${JSON.stringify(key)}]`;
  }
  return text;
}

/** Settings and references are words; a key of an API is long and has digits. */
function isShown(key: string): boolean {
  return key.length <= 20 || (key.length <= 64 && !/\d/.test(key));
}

function messageOf(file: string, faults: readonly Fault[]): string {
  const head = `${file} cannot be used: ${faults.length === 1 ? 'one thing is' : `${faults.length} things are`} wrong.`;
  const more = faults.length - MOST_SHOWN;
  const tail = more > 0 ? [`  … and ${more} more`] : [];
  return [head, ...faults.slice(0, MOST_SHOWN).map(faultLine), ...tail].join('\n');
}

function faultLine({ path, line, message }: Fault): string {
  const place = [line > 0 ? `line ${line}` : '', path].filter((part) => part !== '').join(', ');
  return place === '' ? `  ${message}` : `  ${place}: ${message}`;
}
