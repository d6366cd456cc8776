/** `omni-sync resync`: asks the running service for a reconcile, or for one person ahead of the backlog. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PersonOutcome } from '../model/asked.ts';
import { SyncError } from '../model/errors.ts';
import type { AskView, Operations } from '../ops/operations.ts';
import { isInStep, type SyncStatus } from '../ops/status.ts';
import { spanText } from '../plan/forecast.ts';
import { cliActor } from '../worker/actor.ts';
import type { Sync } from '../worker/compose.ts';
import { type FullCost, fullCost } from '../worker/full-cost.ts';
import { operationsOf } from '../worker/operations.ts';
import { isServed } from '../worker/served.ts';
import { type CommonOptions, eachSync, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { count, say } from './print.ts';
import { openProgress, type Progress } from './progress.ts';
import { summary } from './summary.ts';
import { terminated } from './terminated.ts';

export interface ResyncOptions extends CommonOptions {
  readonly user?: string;
  readonly full?: boolean;
  readonly wait?: boolean;
}

const LOOK_MS = 200;
/** How long nobody may be there to do what was asked, in looks: 10 s. */
const UNSERVED_LOOKS = 50;

interface Watch {
  readonly progress: Progress;
  readonly stopping: AbortSignal;
}

/** Asks, and with `--wait` waits for what comes of it: status 0 where that is in step. @throws SyncError `config` for a name that says nothing. */
export async function resync(options: ResyncOptions): Promise<number> {
  if (options.user?.trim() === '')
    throw new SyncError('config', 'cli.person', '--user takes a sourceId, an address or a ref');
  const stopping = new AbortController();
  if (options.wait === true) void terminated(EXIT.notInStep).then(() => stopping.abort());
  return withDaemon(options, 'error', async (daemon) => {
    const progress = openProgress(options.wait === true ? 'auto' : 'none');
    const asked = await eachSync(daemon, (sync) => askFor(sync, options));
    const watch = { progress, stopping: stopping.signal };
    const ends = await Promise.all(
      asked.map((id, i) => (id === undefined ? false : answerOf(daemon.syncs[i], id, { options, watch }))),
    );
    progress.close();
    // Of several syncs the one that knows the person speaks for them.
    const known = ends.filter((end) => end !== 'unknown');
    if (known.length === 0) say(`nobody is called ${options.user}, neither in a directory nor by a sync`);
    return known.length > 0 && known.every((end) => end === true) ? EXIT.inStep : EXIT.notInStep;
  });
}

async function askFor(sync: Sync, { user, full = false }: ResyncOptions): Promise<string | undefined> {
  if (await isServed(sync)) {
    if (full && user === undefined) say(`${sync.name}: ${costText(await fullCost(sync))}`);
    return operationsOf(sync).resync({ full, ...(user !== undefined && { user }) }, cliActor());
  }
  say(
    `${sync.name}: no service runs that would do it, so nothing was asked; \`omni-sync run\` does it here, \`omni-sync start\` is the service`,
  );
  return undefined;
}

const READS = {
  people: 'asks Omni for everyone who is linked, since lists do not show attributes',
  pages: "reads Omni's list, and each account that differs there",
  nothing: 'asks Omni nothing under the policy create, which changes nobody',
} as const;

function costText({ reads, calls, seconds }: FullCost): string {
  if (reads === 'nothing') return `a full resync ${READS[reads]}`;
  return `a full resync ${READS[reads]}: ${count(calls, 'request', 'requests')}, about ${spanText(seconds)}, and one for each change; what is urgent goes before them`;
}

interface Answering {
  readonly options: ResyncOptions;
  readonly watch: Watch;
}

/** Whether it is in step; `unknown` where the person is not of this sync. */
async function answerOf(
  sync: Sync | undefined,
  id: string,
  { options, watch }: Answering,
): Promise<boolean | 'unknown'> {
  if (sync === undefined) return false;
  if (options.wait !== true) {
    say(`${sync.name}: asked (${id})`);
    return true;
  }
  const view = await answered(sync, id, watch);
  if (view.state !== 'done') return given(sync);
  if (view.person !== null) return told(sync.name, view.person);
  const newest = await applied(sync, watch);
  // Its own run, as it is by now: the newest may be another one, which has only begun.
  const last = await operationsOf(sync).ask(id);
  const run = last.state === 'done' ? last.run : null;
  const status = run === null ? newest : { ...newest, run };
  say(summary(status));
  return isInStep(status);
}

/** The last word on an ask: done, or as far as it came where nothing can be sent now, or nobody is there any more. */
async function answered(sync: Sync, id: string, { stopping }: Watch): Promise<AskView> {
  const operations = operationsOf(sync);
  for (let unserved = 0; ; ) {
    const view = await operations.ask(id);
    if (view.state === 'done' || view.state === 'unknown' || stopping.aborted) return view;
    unserved = (await isServed(sync)) ? 0 : unserved + 1;
    if (unserved > UNSERVED_LOOKS || (view.state === 'running' && (await isStopped(operations)))) return view;
    await sleep(LOOK_MS);
  }
}

async function isStopped(operations: Operations): Promise<boolean> {
  const { paused, halted, unreachable } = await operations.status();
  return paused || halted || unreachable;
}

/** It is asked, and not done yet. */
async function given(sync: Sync): Promise<false> {
  say(summary(await operationsOf(sync).status()));
  say('  what was asked is kept, and done once it can be');
  return false;
}

function told(name: string, { outcome, says, sourceId, ref }: PersonOutcome): boolean | 'unknown' {
  if (outcome === 'unknown' && sourceId === undefined) return 'unknown';
  say(`${name}: ${sourceId === undefined ? '' : `${sourceId} (${ref}): `}${says}`);
  return outcome === 'inStep' || outcome === 'leaver';
}

async function applied(sync: Sync, { progress, stopping }: Watch): Promise<SyncStatus> {
  for (;;) {
    const status = await operationsOf(sync).status();
    progress.show(status, sync);
    const { waiting, halted, paused, unreachable } = status;
    if (waiting === 0 || halted || paused || unreachable || stopping.aborted) return status;
    await sleep(LOOK_MS);
  }
}
