/** `omni-sync leavers`: who is about to be taken away, when and why, and what else waits for a word, with the digests of both. */
import type { StoredTombstone } from '../ledger/leavers.ts';
import type { LeaversView } from '../ops/operations.ts';
import { operationsOf } from '../worker/operations.ts';
import { type CommonOptions, eachSync, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { printable, printJson, say, table } from './print.ts';

/** Shows the leavers of each sync. */
export async function leavers(options: CommonOptions & { readonly json?: boolean }): Promise<number> {
  return withDaemon(options, 'error', async (daemon) => {
    const shown = await eachSync(daemon, (sync) => operationsOf(sync).leavers());
    if (options.json === true) printJson({ syncs: shown });
    else for (const one of shown) for (const line of linesOf(one)) say(line);
    return EXIT.inStep;
  });
}

function linesOf(shown: LeaversView): string[] {
  return [...leaverLines(shown), ...changeLines(shown), ...keptLines(shown), ...unmatchedLines(shown)];
}

/** Accounts to adopt, and links to move, that wait for a word. */
function changeLines({ name, changes, changesDigest }: LeaversView): string[] {
  if (changes.length === 0) return [];
  const rows = changes.map(({ what, sourceId, userName, omniId, from, answer, since }) => {
    const why = what === 'adopt' ? 'in Omni already' : `has the account of ${from}, who is gone`;
    return [what, sourceId, userName, omniId, why, answer ?? 'waits', dateOf(since)];
  });
  const lines = table(['change', 'sourceId', 'userName', 'account', 'why', 'word', 'since'], rows);
  const open = changes.filter(({ answer }) => answer === undefined).length;
  return [
    ...lines.map((line) => `${name}: ${line}`),
    ...(changesDigest === null
      ? []
      : [
          `${name}: ${open} wait; let them pass with \`omni-sync approve --all --digest ${changesDigest}\` (or name some), leave an account as it is with \`omni-sync keep PERSON\``,
        ]),
  ];
}

function keptLines({ name, kept }: LeaversView): string[] {
  return kept.map(
    ({ sourceId, userName }) =>
      `${name}: kept: ${printable(sourceId)} ${printable(userName)}; \`omni-sync keep --undo\` takes it back`,
  );
}

function unmatchedLines({ name, unmatched }: LeaversView): string[] {
  if (unmatched.length === 0) return [];
  return [
    `${name}: when Omni was last listed, nobody in the directory had these accounts; they are never touched:`,
    ...unmatched.map(({ omniId, userName }) => `${name}:   ${omniId}  ${printable(userName)}`),
  ];
}

function leaverLines({ name, held, digest, leavers: all }: LeaversView): string[] {
  if (all.length === 0) return [`${name}: nobody is about to be taken away`];
  const rows = all.map((one) => [
    one.stage,
    one.sourceId,
    one.userName,
    CAUSE[one.cause],
    dateOf(one.since),
    dateOf(one.due),
  ]);
  return [
    ...table(['stage', 'sourceId', 'userName', 'cause', 'since', 'not before'], rows).map(
      (line) => `${name}: ${line}`,
    ),
    ...reasonsOf(all).map((reason) => `${name}: held: ${printable(reason)}`),
    ...(digest === null
      ? []
      : [
          `${name}: ${held} held; let them go with \`omni-sync approve --all --digest ${digest}\` (or name some), keep somebody with \`omni-sync keep PERSON\``,
        ]),
  ];
}

const CAUSE = { missing: 'gone', inactive: 'inactive', outOfScope: 'out of scope' } as const;

function dateOf(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}

function reasonsOf(all: readonly StoredTombstone[]): string[] {
  return [
    ...new Set(
      all.flatMap(({ stage, reason }) => (stage === 'held' && reason !== undefined ? [reason] : [])),
    ),
  ];
}
