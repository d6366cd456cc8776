import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openSession, readSession, SESSION_MS } from '../../ops/session.ts';
import { knownTokens } from '../../ops/tokens.ts';

const tokensOf = (...texts: string[]) =>
  knownTokens(texts.map((token, i) => ({ name: `t${i}`, scope: 'read', token })));

describe('openSession', () => {
  it('is read by every process with the same token, until it expires', () => {
    const [token] = tokensOf('a'.repeat(32));
    if (token === undefined) throw new Error('no token');
    const opened = openSession(token, 1_000);
    const again = tokensOf('a'.repeat(32));
    expect(readSession(opened.cookie, again, 1_000 + SESSION_MS - 1)).toMatchObject({
      csrf: opened.csrf,
      token: { name: 't0' },
    });
    expect(readSession(opened.cookie, again, 1_000 + SESSION_MS)).toBeUndefined();
  });

  it('ends when its token is changed, renamed or removed', () => {
    const [token] = tokensOf('a'.repeat(32));
    if (token === undefined) throw new Error('no token');
    const { cookie } = openSession(token, 0);
    expect(readSession(cookie, tokensOf('b'.repeat(32)), 1)).toBeUndefined();
    expect(readSession(cookie, [{ ...token, name: 'other' }], 1)).toBeUndefined();
    expect(readSession(cookie, [], 1)).toBeUndefined();
  });

  it('takes the scope from the token as it is now', () => {
    const [token] = tokensOf('a'.repeat(32));
    if (token === undefined) throw new Error('no token');
    const { cookie } = openSession(token, 0);
    expect(readSession(cookie, [{ ...token, scope: 'approve' }], 1)?.token.scope).toBe('approve');
  });
});

describe('readSession', () => {
  it('believes no text that was not signed, and throws at none', () => {
    const tokens = tokensOf('a'.repeat(32), 'b'.repeat(32));
    const [token] = tokens;
    if (token === undefined) throw new Error('no token');
    const { cookie } = openSession(token, 0);
    fc.assert(
      fc.property(fc.string(), fc.nat(cookie.length - 1), fc.string({ maxLength: 2 }), (text, at, put) => {
        const mutated = cookie.slice(0, at) + put + cookie.slice(at + 1);
        expect(readSession(text, tokens, 1)).toBeUndefined();
        if (mutated !== cookie) expect(readSession(mutated, tokens, 1)).toBeUndefined();
      }),
    );
  });
});
