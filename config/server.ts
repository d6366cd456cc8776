/** `server`: where operators and probes are answered, and who may ask. Never lets it be open to the network without a token. */
import type { z } from 'zod';
import { choice, given, IN_SECTION, list, oneOf, present, section, text } from './fields.ts';
import type { Files, Secret } from './files.ts';
import { bearerSecret, secret, secretFile } from './secret.ts';
import { hostPort, isLoopback, originUrl } from './urls.ts';

type TokenScope = 'read' | 'operate' | 'approve';

/** Who may ask for what; each scope includes the ones before it. */
interface ServerToken {
  readonly name: string;
  readonly scope: TokenScope;
  readonly token: string;
}

export interface ServerConfig {
  /** IPv6 without brackets. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** The origin that browsers use, where something stands before this server. */
  readonly publicUrl?: string;
  /** Empty only on loopback. */
  readonly tokens: readonly ServerToken[];
}

const TOKEN = 'the bearer token that the HTTP interface asks for';
const SHORT = 32;

/** The section `server`. */
export function serverSchema(files: Files) {
  const fields = section('the HTTP interface: status, health, metrics, control', {
    listen: hostPort('where it listens').prefault('127.0.0.1:8787'),
    publicUrl: originUrl('the address that browsers use, where a proxy stands before it').exactOptional(),
    token: secret(TOKEN, bearerSecret).exactOptional(),
    tokenFile: secretFile(TOKEN, files, bearerSecret).exactOptional(),
    tokens: list('several tokens, each with its scope', tokenSchema(files)).exactOptional(),
  });
  return fields
    .superRefine(oneOf(['token', 'tokenFile', 'tokens']), IN_SECTION)
    .superRefine(needsToken, IN_SECTION)
    .superRefine(distinctNames, IN_SECTION)
    .transform(({ listen, publicUrl, token, tokenFile, tokens }): ServerConfig => {
      const single = token ?? tokenFile;
      const all = single === undefined ? (tokens ?? []) : [named('token', 'approve', single)];
      warnOfShort(files, all);
      return { ...listen, ...given({ publicUrl }), tokens: all };
    });
}

function tokenSchema(files: Files) {
  const fields = section('a token', {
    name: text('who uses it, for the audit record'),
    scope: choice('what it allows', {
      read: 'look',
      operate: 'and resync, retry, pause',
      approve: 'and release removals',
    }),
    token: secret(TOKEN, bearerSecret).exactOptional(),
    tokenFile: secretFile(TOKEN, files, bearerSecret).exactOptional(),
  });
  return fields
    .superRefine(oneOf(['tokenFile', 'token'], `${TOKEN}, as tokenFile or token`), IN_SECTION)
    .transform(({ name, scope, token, tokenFile }) =>
      named(name, scope, token ?? tokenFile ?? { value: '' }),
    );
}

function named(name: string, scope: TokenScope, secret: Secret): ServerToken {
  return { name, scope, token: secret.value };
}

function needsToken(
  server: { readonly listen?: { readonly host?: string } },
  context: z.RefinementCtx,
): void {
  const host = server.listen?.host;
  if (host === undefined || isLoopback(host) || present(server, ['token', 'tokenFile', 'tokens']).length > 0)
    return;
  context.addIssue({
    code: 'custom',
    path: ['token'],
    message: `is required, because listen reaches beyond this host: ${TOKEN} (token, tokenFile or tokens)`,
  });
}

function distinctNames(server: { readonly tokens?: readonly unknown[] }, context: z.RefinementCtx): void {
  const names = new Set<unknown>();
  if (!Array.isArray(server.tokens)) return;
  for (const [index, token] of server.tokens.entries()) {
    const name = typeof token === 'object' && token !== null && 'name' in token ? token.name : undefined;
    if (typeof name === 'string' && names.has(name)) {
      const message = 'is the name of another token too: the audit record could not tell them apart';
      context.addIssue({ code: 'custom', path: ['tokens', index, 'name'], message });
    }
    names.add(name);
  }
}

function warnOfShort(files: Files, tokens: readonly ServerToken[]): void {
  for (const { name, token } of tokens) {
    if (token.length < SHORT) {
      files.warn(
        `server: the token ${JSON.stringify(name)} is shorter than ${SHORT} characters: make one with \`openssl rand -hex 32\``,
      );
    }
  }
}
