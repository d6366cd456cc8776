import { describe, expect, it } from 'vitest';
import { SyncError } from '../../model/errors.ts';
import { createLog } from '../../ops/log.ts';
import { logEvents } from '../../worker/log-events.ts';

const ADDRESS = 'ada@acme.example';

describe('logEvents', () => {
  it('names a person by their ref alone, whatever their id is', () => {
    const lines: string[] = [];
    const log = createLog({ level: 'trace', secrets: [], stream: { write: (line) => lines.push(line) } });
    const events = logEvents(log, () => undefined);
    const error = new SyncError('refused', 'omni.refused', 'Omni refused the request');
    const about = { ref: 'r3f', sourceId: ADDRESS };
    events.applied({ ...about, omniId: 'o1', kind: 'create', fields: ['userName'], run: 'r', calls: 1 });
    events.setback({ ...about, code: error.code, message: error.message, consequence: 'setAside', error });
    events.setback({
      ...about,
      code: 'bug',
      message: 'x',
      consequence: 'setAside',
      error: new Error(ADDRESS),
    });
    events.trouble(new TypeError(ADDRESS));
    events.broken({ run: 'r', problem: 'p', error: new RangeError(ADDRESS) });
    const logged = lines.map((line) => JSON.parse(line));
    expect(logged.map(({ ref, msg }) => `${msg} ${ref}`)).toEqual([
      'applied r3f',
      'setback r3f',
      'setback r3f',
      'trouble undefined',
      'the reconcile broke off undefined',
    ]);
    expect(lines.join('')).not.toContain(ADDRESS);
    expect(logged[0]).toMatchObject({ omniId: 'o1', kind: 'create', run: 'r', calls: 1 });
    expect(logged[2]).toMatchObject({
      code: 'bug',
      error: 'Error',
      stack: expect.stringContaining('    at '),
    });
  });
});
