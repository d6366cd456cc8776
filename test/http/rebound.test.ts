/** Names that lead elsewhere than they did when they were checked: the client looks as it connects. */
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createHttp } from '../../http/client.ts';

const { lookup } = dns;
let asked: string[] = [];

beforeAll(() => {
  const rebound = (
    name: string,
    _options: unknown,
    done: (error: null, found: dns.LookupAddress[]) => void,
  ) => {
    asked.push(name);
    done(null, [{ address: '169.254.169.254', family: 4 }]);
  };
  Object.assign(dns, { lookup: rebound });
  syncBuiltinESMExports();
});

afterAll(() => {
  Object.assign(dns, { lookup });
  syncBuiltinESMExports();
});

it.each(['https://rebound.example/', 'http://localhost:9/'])(
  'createHttp connects to no metadata address that %s leads to by then',
  async (url) => {
    asked = [];
    const http = createHttp({ timeoutMs: 5_000, userAgent: 'test' });
    const sent = http.send({ method: 'POST', url, headers: {}, body: {} });
    await expect(sent).rejects.toMatchObject({ code: 'FORBIDDEN_ADDRESS' });
    expect(asked).toEqual([new URL(url).hostname]);
    http.close();
  },
);
