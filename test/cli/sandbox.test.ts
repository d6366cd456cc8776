/** The verb `sandbox`, given what it does not take. */
import { describe, expect, it } from 'vitest';
import { type SandboxVerbOptions, sandbox } from '../../cli/sandbox.ts';
import { isSyncError } from '../../model/errors.ts';
import { startSandbox } from '../../sandbox/server.ts';

/** The message of the error that exit status 2 is made of. */
async function refusal(options: Partial<SandboxVerbOptions>): Promise<string> {
  const error = await sandbox({ port: '0', ...options }).catch((reason: unknown) => reason);
  return isSyncError(error, 'config') ? error.message : `not refused: ${error}`;
}

describe('omni-sync sandbox', () => {
  it.each([
    [{ port: 'abc' }, '--port takes a whole number from 0 to 65535'],
    [{ port: '70000' }, '--port takes a whole number from 0 to 65535'],
    [{ port: '' }, '--port takes a whole number from 0 to 65535'],
    [{ requestsPerMinute: 'many' }, '--requests-per-minute takes a whole number from 1'],
    [{ requestsPerMinute: '0' }, '--requests-per-minute takes a whole number from 1'],
    [{ key: [''] }, '--key takes a text that is not empty'],
    [{ attribute: ['level:number'] }, '--attribute takes one of String, Number'],
    [{ set: ['renmae=allow'] }, '--set: there is no setting "renmae"; did you mean rename?'],
    [{ set: ['x=1'] }, '--set: there is no setting "x"; there are: requestsPerMinute, windowMs'],
    [{ set: ['rename=yes'] }, '--set rename takes one of allow, ignore, refuse'],
    [{ set: ['windowMs=soon'] }, '--set windowMs takes a whole number from 1'],
    [{ set: ['requestsPerMinute=-1'] }, '--set requestsPerMinute takes a whole number from 1'],
    [{ set: ['listInactive=1'] }, '--set listInactive takes true or false'],
    [{ set: ['unknownKeyStatus=500'] }, '--set unknownKeyStatus takes 401 or 403'],
    [{ set: ['maxPageSize=0'] }, '--set maxPageSize takes a whole number from 1, or null'],
    [{ set: ['models=[{"id":1}]'] }, '--set models takes a UUID'],
    [{ set: ['attributes=[{"nmae":"x"}]'] }, '--set attributes takes'],
    [{ set: ['personalKeys=mine'] }, '--set personalKeys takes a list of texts'],
    [{ set: ['rename'] }, '--set takes NAME=VALUE, not "rename"'],
  ] as const)('names the option for %j', async (options, message) => {
    const refused = await refusal(options);
    expect(refused).toContain(`the sandbox cannot start: ${message}`);
    expect(refused).not.toMatch(/body|NaN|received|Unrecognized/i);
  });

  it('says that a port is taken', async () => {
    const other = await startSandbox();
    try {
      expect(await refusal({ port: String(other.port) })).toContain(
        `--port: port ${other.port} is taken by another program: name another`,
      );
    } finally {
      await other.close();
    }
  });
});
