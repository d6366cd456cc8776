/** The verb `sandbox`, given what it does not take. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startSandbox } from '../../sandbox/server.ts';
import { ensureBuilt } from '../support/build.ts';

let main: string;
beforeAll(async () => {
  main = join(await ensureBuilt(), 'cli/main.js');
});

function refusal(args: readonly string[]): Promise<{ code: unknown; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'sandbox', ...args], { timeout: 10_000 }, (error, _, stderr) =>
      resolve({ code: error?.code, stderr }),
    );
  });
}

describe('omni-sync sandbox', () => {
  it.each([
    [['--port', 'abc'], '--port takes a whole number from 0 to 65535'],
    [['--port', '70000'], '--port takes a whole number from 0 to 65535'],
    [['--port', ''], '--port takes a whole number from 0 to 65535'],
    [['--requests-per-minute', 'many'], '--requests-per-minute takes a whole number from 1'],
    [['--requests-per-minute', '0'], '--requests-per-minute takes a whole number from 1'],
    [['--key', ''], '--key takes a text that is not empty'],
    [['--attribute', 'level:number'], '--attribute takes one of String, Number'],
    [['--set', 'renmae=allow'], 'there is no setting "renmae"; did you mean rename?'],
    [['--set', 'x=1'], 'there is no setting "x"; there are: requestsPerMinute, windowMs'],
    [['--set', 'rename=yes'], '--set rename takes one of allow, ignore, refuse'],
    [['--set', 'windowMs=soon'], '--set windowMs takes a whole number from 1'],
    [['--set', 'requestsPerMinute=-1'], '--set requestsPerMinute takes a whole number from 1'],
    [['--set', 'listInactive=1'], '--set listInactive takes true or false'],
    [['--set', 'unknownKeyStatus=500'], '--set unknownKeyStatus takes 401 or 403'],
    [['--set', 'maxPageSize=0'], '--set maxPageSize takes a whole number from 1, or null'],
    [['--set', 'models=[{"id":1}]'], '--set models takes a UUID'],
    [['--set', 'attributes=[{"nmae":"x"}]'], '--set attributes takes'],
    [['--set', 'personalKeys=mine'], '--set personalKeys takes a list of texts'],
    [['--set', 'rename'], '--set takes NAME=VALUE, not "rename"'],
  ] as const)('ends with 2 and names the option for %j', async (args, message) => {
    const { code, stderr } = await refusal(args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(`: ${message}`) });
    expect(stderr).not.toMatch(/body|NaN|received|Unrecognized/i);
  });

  it('says that a port is taken', async () => {
    const sandbox = await startSandbox();
    try {
      const { code, stderr } = await refusal(['--port', String(sandbox.port)]);
      expect(code).toBe(2);
      expect(stderr).toContain(`--port: port ${sandbox.port} is taken by another program: name another`);
    } finally {
      await sandbox.close();
    }
  });
});
