/** `omni-sync check`: configuration, Redis, directory, Omni's key, attribute references: each passes or says how to mend it. */
import { check as checkSync } from '../worker/check.ts';
import { type CommonOptions, EXIT, eachSync, withDaemon } from './context.ts';
import { printJson, say } from './print.ts';

/** Says a line for each part; status 0 where all pass. A configuration or a Redis that fails ends it before. */
export async function check(options: CommonOptions & { readonly json?: boolean }): Promise<number> {
  return withDaemon(options, 'warn', async (daemon, { config }) => {
    const own = [
      { what: 'configuration', ok: true, detail: config.file },
      {
        what: 'Redis',
        ok: true,
        detail: config.redis.place.type === 'private' ? `private, in ${config.dataDir}` : 'answers',
      },
    ];
    const found = await eachSync(daemon, async (sync) =>
      (await checkSync(sync)).map((finding) => ({ ...finding, what: `${sync.name}: ${finding.what}` })),
    );
    const findings = [...own, ...found.flat()];
    if (options.json === true) printJson({ findings });
    else for (const { what, ok, detail } of findings) say(`${ok ? 'pass' : 'FAIL'}  ${what}: ${detail}`);
    return findings.every(({ ok }) => ok) ? EXIT.inStep : EXIT.notInStep;
  });
}
