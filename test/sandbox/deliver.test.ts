/** Each fault as a client meets it; which request one strikes is faults.test.ts. */
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Fault } from '../../sandbox/faults.ts';
import { type Ask, aUser, KEY, opened, USERS } from './client.ts';

const post = (ask: Ask) => ask('POST', USERS, aUser('ada@example.com'));

async function struckBy(fault: Fault) {
  const { sandbox, ask } = await opened();
  sandbox.fault({ fault, times: 1 });
  return { sandbox, ask, users: () => sandbox.state().users.length };
}

describe('faults in place of an answer', () => {
  it('status: with body and headers, and nothing carried out', async () => {
    const { ask, users } = await struckBy({
      kind: 'status',
      status: 429,
      headers: { 'Retry-After': '-5' },
      body: { detail: 'slow down' },
    });
    const { status, headers, body } = await post(ask);
    expect([status, headers.get('retry-after'), body]).toEqual([429, '-5', { detail: 'slow down' }]);
    expect(users()).toBe(0);
    expect((await post(ask)).status).toBe(201);
  });

  it('status with commit: a 500 for what was done', async () => {
    const { sandbox, ask, users } = await struckBy({
      kind: 'status',
      status: 500,
      body: 'oops',
      commit: true,
    });
    const { status, text } = await post(ask);
    expect([status, text, users()]).toEqual([500, 'oops', 1]);
    expect(sandbox.calls()).toMatchObject([{ status: 500, committed: true, fault: 'status' }]);
  });

  it.each([301, 302, 303, 307, 308] as const)('redirect: %i', async (status) => {
    const { ask, users } = await struckBy({ kind: 'redirect', status, location: 'http://127.0.0.1:9/x' });
    const answer = await ask('POST', USERS, aUser('ada@example.com'), { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([status, 'http://127.0.0.1:9/x']);
    expect(users()).toBe(0);
  });

  it.each([200, 502] as const)('html: %i', async (status) => {
    const { ask, users } = await struckBy({ kind: 'html', status });
    const answer = await post(ask);
    expect([answer.status, users()]).toEqual([status, 0]);
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
    expect(answer.text).toContain('<h1>');
  });
});

describe('faults of the answer', () => {
  it('malformed: a whole answer that is half a JSON', async () => {
    const { ask, users } = await struckBy({ kind: 'malformed' });
    const { status, text } = await post(ask);
    expect([status, text.slice(0, 10), users()]).toEqual([201, '{"active":', 1]);
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
  });

  it('empty: 201 and nothing', async () => {
    const { ask, users } = await struckBy({ kind: 'empty' });
    const { status, text } = await post(ask);
    expect([status, text, users()]).toEqual([201, '', 1]);
  });

  it('wrongId: a number, in lists too', async () => {
    const { sandbox, ask } = await struckBy({ kind: 'wrongId' });
    const { body } = await post(ask);
    expect(body).toMatchObject({ id: 4711, userName: 'ada@example.com' });
    sandbox.fault({ fault: { kind: 'wrongId' } });
    expect((await ask('GET', USERS)).body.Resources).toMatchObject([{ id: 4711 }]);
  });

  it('huge: valid JSON of the size, its length not announced', async () => {
    const { ask } = await struckBy({ kind: 'huge', bytes: 3_000_001 });
    const { headers, text, body } = await post(ask);
    expect([headers.has('content-length'), text.length, body.userName]).toEqual([
      false,
      3_000_001,
      'ada@example.com',
    ]);
  });

  it('huge: ends when the client has had enough', async () => {
    const { sandbox, ask } = await struckBy({ kind: 'huge', bytes: 300 * 1024 * 1024 });
    const enough = new AbortController();
    const response = await fetch(sandbox.url + USERS, {
      headers: { authorization: `Bearer ${KEY}` },
      signal: enough.signal,
    });
    expect(response.status).toBe(200);
    enough.abort();
    await expect.poll(() => sandbox.calls()[0]?.durationMs).toEqual(expect.any(Number));
    expect((await ask('GET', USERS)).status).toBe(200);
  });
});

describe('faults of the connection', () => {
  it('delay: the client may give up and it is done all the same', async () => {
    const { sandbox, ask, users } = await struckBy({ kind: 'delay', ms: 3_000 });
    const patience = new AbortController();
    const asking = ask('POST', USERS, aUser('ada@example.com'), { signal: patience.signal });
    await Promise.all([
      expect(asking).rejects.toThrow(),
      expect
        .poll(() => sandbox.calls()[0]?.fault)
        .toBe('delay')
        .then(() => patience.abort()),
    ]);
    expect(users()).toBe(0);
    await expect.poll(users).toBe(1);
    expect(sandbox.calls()).toMatchObject([{ committed: true, fault: 'delay' }]);
  });

  it('delay: of many requests at once, without a warning of Node', async () => {
    const { sandbox, ask } = await opened();
    const warned: string[] = [];
    const listener = ({ name }: Error) => void warned.push(name);
    process.on('warning', listener);
    onTestFinished(() => void process.off('warning', listener));
    sandbox.fault({ fault: { kind: 'delay', ms: 50 } });
    await Promise.all(Array.from({ length: 20 }, () => ask('GET', USERS)));
    expect(warned).toEqual([]);
  });

  it('delayAfter: done first, answered later', async () => {
    const { sandbox, ask, users } = await struckBy({ kind: 'delayAfter', ms: 1_000 });
    let answered = false;
    const posting = post(ask).then((answer) => {
      answered = true;
      return answer.status;
    });
    await expect.poll(users, { interval: 5 }).toBe(1);
    expect(answered).toBe(false);
    expect(await posting).toBe(201);
    await expect.poll(() => sandbox.calls()[0]?.durationMs).toBeGreaterThan(990);
  });

  it('dropAfterCommit: no answer to what was done', async () => {
    const { sandbox, ask, users } = await struckBy({ kind: 'dropAfterCommit' });
    await expect(post(ask)).rejects.toThrow('fetch failed');
    expect(users()).toBe(1);
    expect(sandbox.calls()).toMatchObject([{ status: 0, committed: true, fault: 'dropAfterCommit' }]);
    expect((await post(ask)).status).toBe(409);
  });

  it('reset: nothing done', async () => {
    const { sandbox, ask, users } = await struckBy({ kind: 'reset' });
    await expect(post(ask)).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
    expect(users()).toBe(0);
    expect(sandbox.calls()).toMatchObject([{ status: 0, committed: false, fault: 'reset' }]);
  });

  it('cut: a head, half of the body, the end', async () => {
    const { sandbox, users } = await struckBy({ kind: 'cut' });
    const text = await raw(sandbox.port);
    const [head = '', body = ''] = text.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 201 /);
    expect(body.length).toBe(Math.floor(Number(/content-length: (\d+)/i.exec(head)?.[1]) / 2));
    expect(users()).toBe(1);
  });

  it.each([
    ['body', 5],
    ['head', 50],
  ] as const)('drip: the %s byte by byte, whole in the end', async (part, pieces) => {
    const { sandbox } = await struckBy({ kind: 'drip', ms: 1, part });
    const chunks: number[] = [];
    const text = await raw(sandbox.port, (size) => chunks.push(size));
    expect(chunks.length).toBeGreaterThan(pieces);
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ userName: 'ada@example.com' });
  });

  it('idleClose: resets the next request on a kept connection, before it is carried out', async () => {
    const { sandbox, users } = await struckBy({ kind: 'idleClose' });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    expect(await kept(sandbox.url, agent, 'ada@example.com')).toBe(201);
    await expect(kept(sandbox.url, agent, 'bob@example.com')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(users()).toBe(1);
    expect(await kept(sandbox.url, agent, 'bob@example.com')).toBe(201);
  });

  it('idleClose with ms: closes a kept connection while it idles', async () => {
    const { sandbox } = await struckBy({ kind: 'idleClose', ms: 1_000 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    expect(await kept(sandbox.url, agent, 'ada@example.com')).toBe(201);
    await expect.poll(() => Object.keys(agent.freeSockets)).toHaveLength(1);
    await expect.poll(() => Object.keys(agent.freeSockets)).toHaveLength(0);
  });
});

/** All that comes back for a POST, as text; `seen` hears the size of each piece. */
function raw(port: number, seen: (size: number) => void = () => undefined): Promise<string> {
  const body = JSON.stringify(aUser('ada@example.com'));
  const head = `POST ${USERS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${KEY}\r\n`;
  const type = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(head + type + body));
    socket.on('data', (chunk) => {
      seen(chunk.length);
      text += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

/** The status of a POST over a connection that the agent keeps. */
function kept(url: string, agent: Agent, userName: string): Promise<number | undefined> {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const asking = request(url + USERS, { method: 'POST', agent, headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    asking.on('error', reject);
    asking.end(JSON.stringify(aUser(userName)));
  });
}
