import { describe, expect, it } from 'vitest';
import { APPROVE, READ, servingOfFile } from './serving.ts';

const serve = servingOfFile();

const linesOf = (told: string) =>
  told
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => msg !== 'listening');

describe('logDoor', () => {
  it('tells of a wrong token, a scope that does not do, a page of others and a sign-in', async () => {
    const { ask, told } = await serve();
    await ask('/api/syncs/acme/people/person.7@example.com', { token: 'presented-and-wrong' });
    await ask('/session', { method: 'POST', body: { token: 'presented-and-wrong' } });
    await ask('/api/syncs/acme/pause', { method: 'POST', token: READ });
    await ask('/api/status', { token: APPROVE, headers: { origin: 'https://evil.example.com' } });
    await ask('/session', { method: 'POST', body: { token: READ } });
    const person = 'GET /api/syncs/:name/people/:person';
    expect(linesOf(told())).toMatchObject([
      { msg: 'refused', status: 401, route: person, caller: 'anybody', from: '127.0.0.1' },
      { msg: 'refused', status: 401, route: 'POST /session', caller: 'anybody' },
      { msg: 'refused', status: 403, route: 'POST /api/syncs/:name/pause', caller: 'reader' },
      { msg: 'refused', status: 403, route: 'GET /api/status', caller: 'anybody' },
      { msg: 'signed in', status: 200, route: 'POST /session', caller: 'reader' },
    ]);
    expect(told()).not.toContain('presented-and-wrong');
    expect(told()).not.toContain(READ);
  });

  it('tells nothing of answers as they should be, and of a page that was opened without a session', async () => {
    const { ask, told } = await serve();
    await ask('/healthz');
    await ask('/api/status', { token: READ });
    await ask('/api/status');
    expect(linesOf(told())).toEqual([]);
  });

  it('keeps its lines where somebody knocks all the time', async () => {
    const { ask, told } = await serve();
    for (let i = 0; i < 100; i++) await ask('/api/status', { token: `wrong-${i}` });
    expect(linesOf(told()).length).toBeLessThanOrEqual(60);
    expect(linesOf(told()).length).toBeGreaterThan(30);
  });
});
