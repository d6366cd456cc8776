/** What no file of the product may do but the one that does it right: open a connection, run a program by a shell, run text as code. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = [
  'cli',
  'worker',
  'directory',
  'omni',
  'ops',
  'plan',
  'jobs',
  'ledger',
  'config',
  'http',
  'model',
];

const sources = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ path: `${folder}/${name}`, text: readFileSync(join(ROOT, folder, name), 'utf8') })),
);

const thatHave = (pattern: RegExp) =>
  sources.filter(({ text }) => pattern.test(text)).map(({ path }) => path);

/** An import of values: types open nothing. */
const ofValues = (module: string) =>
  new RegExp(
    `^import (?!type )[^;]*from '${module}'|\\bimport\\('${module}'\\)|\\brequire\\('${module}'\\)`,
    'm',
  );

describe('the product', () => {
  it('opens HTTP connections in http/ alone, where addresses and certificates are checked', () => {
    const by = ['axios', 'node:https?', 'node:http2', 'undici'].flatMap((one) => thatHave(ofValues(one)));
    expect(by.filter((path) => !path.startsWith('http/'))).toEqual([]);
    expect(by.length).toBeGreaterThan(3);
    expect(thatHave(/(?<![.\w'`])fetch\(|new (WebSocket|EventSource)\(/)).toEqual([]);
  });

  it('opens other connections where it is known that it does', () => {
    const opening = /^import (?!type )[^;]*\b(connect|createConnection|Socket)\b[^;]*from 'node:(net|tls)'/m;
    expect(
      thatHave(opening)
        .filter((path) => !path.startsWith('http/'))
        .sort(),
    ).toEqual([
      'directory/ldap-connect.ts',
      // A socket of this host.
      'ledger/folder-lock.ts',
    ]);
    expect(thatHave(ofValues('node:dgram'))).toEqual([]);
    expect(thatHave(ofValues('ioredis')).filter((path) => !path.startsWith('ledger/'))).toEqual([]);
  });

  it('turns the check of certificates off nowhere', () => {
    expect(
      thatHave(/rejectUnauthorized: (?!true)|checkServerIdentity|NODE_TLS_REJECT_UNAUTHORIZED'?\] =/),
    ).toEqual([]);
    expect(thatHave(/rejectUnauthorized: true/).sort()).toEqual([
      'directory/ldap-connect.ts',
      'http/agents.ts',
      'http/tunnel.ts',
      'ledger/redis-tls.ts',
    ]);
  });

  it('runs no text as code, and no program by a shell', () => {
    expect(thatHave(/(?<!\.)\beval\(|new Function\(|from 'node:vm'|setTimeout\('/)).toEqual([]);
    expect(thatHave(/(?<!\.)\bexec(Sync)?\(|\bshell: (true|['"`])/)).toEqual([]);
  });
});
