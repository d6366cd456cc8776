/** `omni`: the instance that people go to, and how it may be called. Never calls it. */
import { z } from 'zod';
import { IN_SECTION, list, oneOf, section, text, whole } from './fields.ts';
import type { Files, Secret } from './files.ts';
import { bearerSecret, readableFile, secret, secretFile } from './secret.ts';
import { duration, MINUTE, SECOND } from './time.ts';
import { omniUrl, proxyUrl } from './urls.ts';

export interface OmniConfig {
  /** `https://host` or `https://host:port`, without a path. */
  readonly url: string;
  /** At least one, all different. A key with a `file` may be read from there again. */
  readonly apiKeys: readonly Secret[];
  /** For each key. */
  readonly requestsPerMinute: number;
  /** Who made the keys: always protected. */
  readonly keyOwner?: string;
  /** A URL that may hold a password. */
  readonly proxy?: string;
  /** Absolute path of the certificates to trust. */
  readonly ca?: string;
  /** Milliseconds that one request may take. */
  readonly timeoutMs: number;
}

const KEY = "an organization API key of Omni's";

/** The section `omni`. */
export function omniSchema(files: Files) {
  const fields = section('the Omni instance', {
    url: omniUrl('the address that one logs in at'),
    apiKey: secret(KEY, bearerSecret).exactOptional(),
    apiKeyFile: secretFile(KEY, files, bearerSecret).exactOptional(),
    apiKeys: list('several keys, which share the work', keySchema(files)).exactOptional(),
    requestsPerMinute: whole('the requests a minute that Omni allows each key', 1, 60_000).prefault(60),
    keyOwner: text('the address of the person who made the key: never taken away').exactOptional(),
    proxy: proxyUrl('a forward proxy; none is taken from the environment').exactOptional(),
    ca: readableFile('a PEM file of the certificates to trust', files).exactOptional(),
    timeout: duration('how long one request may take', SECOND, 10 * MINUTE).prefault('30s'),
  });
  return fields
    .superRefine(
      oneOf(['apiKey', 'apiKeyFile', 'apiKeys'], `${KEY}, as apiKeyFile, apiKey or apiKeys`),
      IN_SECTION,
    )
    .superRefine(distinctKeys, IN_SECTION)
    .transform(({ apiKey, apiKeyFile, apiKeys, timeout, ...rest }): OmniConfig => {
      const single = apiKey ?? apiKeyFile;
      return { ...rest, apiKeys: single === undefined ? (apiKeys ?? []) : [single], timeoutMs: timeout };
    });
}

function keySchema(files: Files) {
  const inFile = section('a key in a file', { file: secretFile(KEY, files, bearerSecret) });
  return z
    .union([secret(KEY, bearerSecret), inFile], { error: `must be ${KEY}: a text, or {file: path}` })
    .transform((key): Secret => ('value' in key ? key : key.file));
}

/** The same key twice would be given twice its budget. */
function distinctKeys(omni: { readonly apiKeys?: unknown }, context: z.RefinementCtx): void {
  const seen = new Set<unknown>();
  if (!Array.isArray(omni.apiKeys)) return;
  for (const [index, key] of omni.apiKeys.entries()) {
    const value = typeof key === 'object' && key !== null && 'value' in key ? key.value : undefined;
    if (typeof value === 'string' && seen.has(value)) {
      const message = 'is the same key as one before it: a key has one budget, remove it';
      context.addIssue({ code: 'custom', path: ['apiKeys', index], message });
    }
    seen.add(value);
  }
}
