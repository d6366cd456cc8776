/** What may be shown of an answer's body: a short reason, without addresses, keys or the values that we had sent. */

const LONGEST = 200;

/** How much of a body is looked at: the patterns below take quadratic time at worst. */
const CONSIDERED = 2_000;

/** How deep in an error body its message is looked for: `error` within `error`. */
const DEEPEST = 3;

/** Anything with an at sign, as text writes one, escaped or not. */
const ADDRESS = /(?:"[^"]{1,64}"|[^\s"'<>()[\],;:=]*)(?:@|%40|&#64;|&#x40;|\\u0040)[^\s"'<>()[\],;]*/giu;

/**
 * The reason in an error body: the message of the shapes that Omni and SCIM (RFC 7644, section 3.12) use, else the
 * text without tags. At most 200 characters. `personal` are the values of the request; they become `<value>`, what looks
 * like an address `<address>`, and `key` `<key>`. A name that was not sent cannot be told from other words.
 * Undefined where nothing is left.
 */
export function excerpt(body: string, personal: readonly string[], key: string): string | undefined {
  const found = (message(body) ?? text(body))
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .normalize('NFC')
    .trim();
  // What was cut through its middle might no longer look like what it is.
  const considered = found.length > CONSIDERED ? found.slice(0, CONSIDERED).replace(/\S*$/, '') : found;
  const keyless = key === '' ? considered : considered.replaceAll(key, '<key>');
  const shown = withoutValues(keyless.replace(ADDRESS, '<address>'), personal).slice(0, LONGEST);
  return shown === '' ? undefined : shown;
}

function withoutValues(text: string, personal: readonly string[]): string {
  const values = personal.map((value) => value.normalize('NFC').trim()).filter((value) => value.length > 1);
  if (values.length === 0) return text;
  const longestFirst = [...new Set(values)].sort((a, b) => b.length - a.length);
  const pattern = longestFirst.map((value) => value.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|');
  return text.replace(new RegExp(`(?<![\\p{L}\\p{N}])(?:${pattern})(?![\\p{L}\\p{N}])`, 'giu'), '<value>');
}

function message(body: string): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  return firstMessage(parsed, 1);
}

function firstMessage(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return undefined;
  const fields = new Map<string, unknown>(Object.entries(value));
  const candidates = ['message', 'detail', 'error', 'title'].map((name) => fields.get(name));
  const said = candidates.find((candidate) => typeof candidate === 'string' && candidate.trim() !== '');
  return typeof said === 'string' ? said : firstMessage(fields.get('error'), depth + 1);
}

function text(body: string): string {
  return body
    .slice(0, 8_192)
    .replace(/<(script|style)\b[^<>]*>[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<[/!a-z][^<>@]*>/gi, ' ');
}
