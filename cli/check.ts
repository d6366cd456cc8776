/** `omni-sync check`: configuration, Redis, directory, Omni's key, attribute references: each passes or says how to mend it. */

import type { Config } from '../config/schema.ts';
import { isSyncError, type SyncError } from '../model/errors.ts';
import { check as checkSync, type Finding } from '../worker/check.ts';
import type { Daemon } from '../worker/compose.ts';
import { type CommonOptions, eachSync, tryDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { printable, printJson, say } from './print.ts';

/** Says a line for each part; status 0 where all pass. @throws SyncError `config` for the configuration, with all its faults. */
export async function check(options: CommonOptions & { readonly json?: boolean }): Promise<number> {
  return tryDaemon(options, 'warn', async (daemon, { config }) => {
    const configuration = { what: 'configuration', ok: true, detail: config.file };
    const rest = isSyncError(daemon) ? [refused(daemon)] : await findingsOf(daemon, config);
    const findings = [configuration, ...rest];
    if (options.json === true) printJson({ findings });
    else for (const finding of findings) say(lineOf(finding));
    return findings.every(({ ok }) => ok) ? EXIT.inStep : EXIT.notInStep;
  });
}

async function findingsOf(daemon: Daemon, { redis, dataDir }: Config): Promise<Finding[]> {
  const detail = redis.place.type === 'private' ? `private, in ${dataDir}` : 'answers';
  const found = await eachSync(daemon, async (sync) =>
    (await checkSync(sync)).map((finding) => ({ ...finding, what: `${sync.name}: ${finding.what}` })),
  );
  return [{ what: 'Redis', ok: true, detail }, ...found.flat()];
}

/** A detail of several lines, as the end of a log is, keeps them. */
function lineOf({ what, ok, detail }: Finding): string {
  return `${ok ? 'pass' : 'FAIL'}  ${what}: ${detail.split('\n').map(printable).join('\n')}`;
}

/** By the first word of an error's code, the part that keeps everything behind it from being looked at. */
const PARTS: Readonly<Record<string, string>> = {
  redis: 'Redis',
  data: 'data folder',
  ledger: 'ledger',
  file: 'directory',
  ldap: 'directory',
};

function refused({ code, message }: SyncError): Finding {
  return { what: PARTS[code.split('.')[0] ?? ''] ?? 'set-up', ok: false, detail: message };
}
