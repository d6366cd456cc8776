/** Who may ask for what: bearer tokens, known by their digest alone and compared in constant time. Pure. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** What a caller may do; each includes the ones before it. `open`: anybody, without a token. */
export const SCOPES = ['open', 'read', 'operate', 'approve'] as const;

export type Scope = (typeof SCOPES)[number];

/** A token as the configuration has it. */
export interface ServerToken {
  /** Who uses it, for the audit record. */
  readonly name: string;
  readonly scope: Exclude<Scope, 'open'>;
  readonly token: string;
}

/** A token as the server keeps it. */
export interface KnownToken extends Omit<ServerToken, 'token'> {
  /** SHA-256. */
  readonly digest: Buffer;
}

/** The tokens without their texts. */
export function knownTokens(tokens: readonly ServerToken[]): readonly KnownToken[] {
  return tokens.map(({ name, scope, token }) => ({ name, scope, digest: digestOf(token) }));
}

/** The token that was presented, or undefined. Looks at every one, so that the time tells nothing. */
export function findToken(known: readonly KnownToken[], presented: string): KnownToken | undefined {
  const digest = digestOf(presented);
  let found: KnownToken | undefined;
  for (const token of known) if (timingSafeEqual(token.digest, digest)) found = token;
  return found;
}

/** Whether who has one scope may do what needs another. */
export function allows(has: Scope, needs: Scope): boolean {
  return SCOPES.indexOf(has) >= SCOPES.indexOf(needs);
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
