import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localToken } from '../../ops/local-token.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'local-token-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('localToken', () => {
  it('is made once, for its owner alone, by however many ask at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => localToken(folder)));
    expect(new Set(all.map(({ token }) => token)).size).toBe(1);
    const file = join(folder, 'server-token');
    expect(readFileSync(file, 'utf8')).toBe(`${all[0]?.token}\n`);
    expect(all[0]).toEqual({ file, token: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['server-token']);
  });

  it('refuses a file that holds no token, and a folder that takes none', async () => {
    writeFileSync(join(folder, 'server-token'), '\n');
    await expect(localToken(folder)).rejects.toMatchObject({ kind: 'config', code: 'server.token' });
    await expect(localToken(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'server.token' });
  });
});
