/** The manners of the server: statuses for what is no proper request, start and end. */
import { request } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startSandbox } from '../../sandbox/server.ts';
import { asker, aUser, KEY, opened, USERS } from './client.ts';

describe('startSandbox', () => {
  it('starts on loopback, on any free port', async () => {
    const { sandbox, ask } = await opened();
    expect((await ask('GET', USERS)).status).toBe(200);
    expect(sandbox.url).toBe(`http://127.0.0.1:${sandbox.port}`);
  });

  it('takes the port that it is given, and says where it is taken', async () => {
    const { sandbox } = await opened();
    await expect(startSandbox({ port: sandbox.port })).rejects.toThrow('EADDRINUSE');
    await sandbox.close();
    const again = await startSandbox({ port: sandbox.port });
    expect(again.port).toBe(sandbox.port);
    await again.close();
  });

  it('refuses a wrong option by name', async () => {
    await expect(startSandbox({ requestsPerMinute: 0 })).rejects.toThrow(/^requestsPerMinute: /);
    await expect(startSandbox({ port: -1 })).rejects.toThrow(/^port: /);
  });

  it('is set to 60 requests a minute where nothing is said', async () => {
    const sandbox = await startSandbox({ port: undefined });
    expect(sandbox.state().settings).toMatchObject({ requestsPerMinute: 60, windowMs: 60_000 });
    expect((await asker(sandbox.url)('GET', USERS)).status).toBe(200);
    await sandbox.close();
  });

  it('closes at once, carrying out nothing that waits', async () => {
    const { sandbox, ask } = await opened();
    sandbox.fault({ fault: { kind: 'delay', ms: 60_000 } });
    const posting = ask('POST', USERS, aUser('ada@example.com'));
    await expect.poll(() => sandbox.calls()[0]?.fault).toBe('delay');
    await sandbox.close();
    await expect(posting).rejects.toThrow();
    expect(sandbox.state().users).toEqual([]);
    expect(sandbox.calls()).toMatchObject([{ status: 0, committed: false }]);
  });
});

describe('what is no proper request', () => {
  it.each([
    ['GET', '/api/scim/v2/people', 404],
    ['GET', '/scim/v2/users', 404],
    ['GET', '/api/scim/v2/USERS', 404],
    ['GET', '/api/v1/Users/x/model-roles', 404],
    ['GET', '/api/scim/v2/ServiceProviderConfig', 404],
    ['POST', '/api/scim/v2/users/.search', 405],
    ['DELETE', USERS, 405],
    ['PUT', '/api/v1/user-attributes', 405],
  ])('%s %s: %i', async (method, path, status) => {
    const { ask } = await opened();
    expect((await ask(method, path)).status).toBe(status);
  });

  it('says which methods there are', async () => {
    const { ask } = await opened();
    expect((await ask('DELETE', USERS)).headers.get('allow')).toBe('GET, POST');
  });

  it.each(['text/plain', 'application/scim+json', 'application/json; charset=latin1', ''])(
    'refuses content type %j',
    async (type) => {
      const { sandbox, ask } = await opened();
      const sent = JSON.stringify(aUser('ada@example.com'));
      const { status } = await ask('POST', USERS, sent, { headers: { 'content-type': type } });
      expect([status, sandbox.state().users]).toEqual([415, []]);
    },
  );

  it('takes a charset of UTF-8', async () => {
    const { ask } = await opened();
    const headers = { 'content-type': 'application/json; charset=UTF-8' };
    expect((await ask('POST', USERS, aUser('ada@example.com'), { headers })).status).toBe(201);
  });

  it.each(['', '{"displayName":', 'null', '[]', '"x"'])('refuses body %j', async (sent) => {
    const { ask } = await opened();
    const { status, body } = await ask('POST', USERS, sent);
    expect([status, body.message]).toEqual([400, expect.stringMatching(/^body: /)]);
  });

  it('refuses bytes that are no UTF-8', async () => {
    const { sandbox } = await opened();
    const bytes = Buffer.from('{"displayName":"\u00e9","userName":"ada@example.com"}', 'latin1');
    const response = await fetch(sandbox.url + USERS, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: bytes,
    });
    expect(response.status).toBe(400);
  });

  it.each([
    [{ userName: 'ada@example.com' }, 'displayName'],
    [{ displayName: 'Ada' }, 'userName'],
    [{ displayName: 'Ada', userName: 'ada' }, 'userName'],
    [{ displayName: 'Ada', userName: 'ada@exämple.com' }, 'userName'],
    [{ displayName: 1, userName: 'ada@example.com' }, 'displayName'],
  ])('names the path of what is wrong in %j', async (sent, path) => {
    const { ask } = await opened();
    const { status, body } = await ask('POST', USERS, sent);
    expect([status, body.message.split(': ')[0]]).toEqual([400, path]);
  });

  const MIB = 1024 * 1024;
  const sized = (bytes: number) => {
    const empty = JSON.stringify({ ...aUser('ada@example.com'), padding: '' });
    return JSON.stringify({ ...aUser('ada@example.com'), padding: 'x'.repeat(bytes - empty.length) });
  };

  it('takes a body of 1 MiB and refuses one byte more', async () => {
    const { ask } = await opened();
    expect((await ask('POST', USERS, sized(MIB))).status).toBe(201);
    expect((await ask('POST', USERS, sized(MIB + 1))).status).toBe(413);
    expect((await ask('GET', USERS)).status).toBe(200);
  });

  it('refuses a body whose length nobody announced, once it is too long', async () => {
    const { sandbox } = await opened();
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    const status = await new Promise((resolve, reject) => {
      const asking = request(sandbox.url + USERS, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asking.on('error', reject);
      // Written in two, it goes in chunks.
      asking.write(sized(MIB));
      asking.end(sized(MIB));
    });
    expect(status).toBe(413);
  });

  it('does nothing for a client that goes away in the middle of its body', async () => {
    const { sandbox, ask } = await opened();
    const warnings: Error[] = [];
    const heard = (warning: Error) => warnings.push(warning);
    process.on('warning', heard);
    onTestFinished(() => void process.off('warning', heard));
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    const asking = request(sandbox.url + USERS, { method: 'POST', headers });
    asking.on('error', () => undefined);
    asking.write('{"displayName":');
    await expect.poll(() => sandbox.calls().length).toBe(1);
    asking.destroy();
    await expect.poll(() => sandbox.calls()).toMatchObject([{ status: 0, committed: false }]);
    expect((await ask('GET', USERS)).body.totalResults).toBe(0);
    expect(warnings).toEqual([]);
  });
});
