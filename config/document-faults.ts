/** What the YAML library finds wrong, in our words. Never shows an excerpt of the text, as the library's own messages do. */

/** One fault as the library tells it, with the line that it is on. */
export interface YamlFault {
  readonly code: string;
  /** Quotes the text: to tell faults of one code apart, and never to be shown. */
  readonly message: string;
  readonly line: number;
  /** Nothing but blanks stands before it on its line. */
  readonly opensLine: boolean;
}

const INDENT =
  'the indentation is off here or in the next line: keys of one section start in the same column, and so do the "-" of one list';
const NO_COLON =
  'this is no key with a value: a ":" with a blank after it is missing, or the indentation is off';

const MESSAGES: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'an alias is not written as YAML wants it',
  BAD_DQ_ESCAPE:
    'a "…" text holds an escape that YAML does not know: write \\\\ for a backslash, or use \'…\'',
  BAD_INDENT: INDENT,
  BAD_SCALAR_START: 'a text starts with a character that YAML reserves: put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'there is a second ": " in one line: put the text in quotes',
  MISSING_CHAR: 'a quote, a bracket, a comma or a ":" is missing near here',
  MULTILINE_IMPLICIT_KEY: NO_COLON,
  MULTIPLE_DOCS: 'holds more than one document: remove the "---" between them',
  NON_STRING_KEY: 'a key must be a plain text',
  TAB_AS_INDENT: 'is indented with a tab: use spaces',
  TAG_RESOLVE_FAILED: 'has a tag ("!…"): tags are not accepted, remove it',
  BAD_DIRECTIVE: 'a "%" directive is not accepted: remove it',
};

const STRAY = /^Unexpected \S+ (at node end|token in YAML stream)/;

/** Faults that share their code with others: the library's words tell them. */
const BY_WORDS: readonly (readonly [words: RegExp, message: string])[] = [
  [STRAY, "something follows the end of a quoted text or a bracket: put all of it in '…'"],
  [/^Sequence item without - /, INDENT],
  [/^Implicit map keys need to be followed by map values/, NO_COLON],
  [/^Flow .* must be sufficiently indented/, 'a bracket is not closed, or a line within it is not indented'],
];

/** The faults, one a line where the indentation is off: all else that is said of that line follows from it. */
export function messagesOf(faults: readonly YamlFault[]): { line: number; message: string }[] {
  const shifted = new Set(faults.filter((fault) => isShifted(fault, faults)).map(({ line }) => line));
  const said = new Set<string>();
  return faults.flatMap(({ code, message: words, line }) => {
    const known = BY_WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? MESSAGES[code];
    const message = shifted.has(line) ? INDENT : (known ?? 'is not valid YAML near here');
    const key = `${line} ${message}`;
    if (said.has(key)) return [];
    said.add(key);
    return [{ line, message }];
  });
}

/** A line further in than its section makes the library take all of it for a key of many lines; one further out, for a stray. */
function isShifted({ code, line, opensLine, message }: YamlFault, all: readonly YamlFault[]): boolean {
  if (STRAY.test(message)) return opensLine;
  if (code === 'BAD_INDENT') return !message.startsWith('Flow ');
  if (code !== 'BLOCK_AS_IMPLICIT_KEY') return false;
  return all.some((other) => other.code === 'MULTILINE_IMPLICIT_KEY' && other.line === line);
}
