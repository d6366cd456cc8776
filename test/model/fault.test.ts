import { connect } from 'node:net';
import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SyncError } from '../../model/errors.ts';
import { faultFacts } from '../../model/fault.ts';

const NAME = 'Ada Lovelace';

describe('faultFacts', () => {
  it('tells all of our own errors, which name nobody', () => {
    expect(faultFacts(new SyncError('config', 'a.b', 'mend it'))).toEqual({ error: 'mend it', code: 'a.b' });
  });

  it('tells class and place of anything else, and never its text', () => {
    const parsing = () => JSON.parse(`{"name": ${NAME}}`);
    const facts = faultFacts(thrownBy(parsing));
    expect(facts).toMatchObject({ error: 'SyntaxError', stack: expect.stringContaining('fault.test.ts') });
    assert(
      property(string({ minLength: 1 }), (text) => {
        const planted = `${NAME}\n    ${text}\n    ${NAME}`;
        return !JSON.stringify(faultFacts(new RangeError(planted))).includes(NAME);
      }),
    );
    const late = new TypeError('short');
    late.message = `${NAME}\n    at ${NAME}`;
    expect(JSON.stringify([faultFacts(late), faultFacts(NAME)])).not.toContain(NAME);
  });

  it('tells the kind of what Redis refused, without the rest of its answer', () => {
    const error = Object.assign(new Error(`WRONGTYPE ${NAME}`), { name: 'ReplyError' });
    expect(faultFacts(error)).toMatchObject({ code: 'WRONGTYPE' });
    expect(JSON.stringify(faultFacts(error))).not.toContain(NAME);
  });

  it('tells all of a system call that failed', async () => {
    const error = await new Promise((resolve) => connect('/nowhere/socket').once('error', resolve));
    expect(faultFacts(error)).toEqual({ error: 'connect ENOENT /nowhere/socket', code: 'ENOENT' });
  });
});

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
