/** `omni-sync start`: the service. Ends with status 0 at SIGTERM, what is in flight finished or handed back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SyncError } from '../model/errors.ts';
import type { Sync } from '../worker/compose.ts';
import {
  ask,
  type Role,
  type Running,
  startApplying,
  startReconciling,
  startSchedule,
} from '../worker/sync.ts';
import { type CommonOptions, EXIT, withDaemon } from './context.ts';
import { terminated } from './terminated.ts';

export interface StartOptions extends CommonOptions {
  readonly role?: string;
}

const LOOK_MS = 250;
/** A minute. */
const FIRST_LOOKS = 240;

/** What each role starts of a sync. */
const STARTS: Readonly<Record<Role, (sync: Sync) => readonly Running[]>> = {
  scheduler: (sync) => [startSchedule(sync), startReconciling(sync)],
  worker: (sync) => [startApplying(sync)],
};

/** Serves until SIGTERM or SIGINT. @throws SyncError `config` for an unknown role. */
export async function start(options: StartOptions): Promise<number> {
  const roles = rolesOf(options.role);
  // Heard from the very start: a stop that comes while Redis is still being joined must leave it in order too.
  const ending = terminated();
  return withDaemon(options, 'info', async ({ syncs }, { log }) => {
    const running: Running[] = [];
    const begin = (role: Role) => running.push(...syncs.flatMap((sync) => STARTS[role](sync)));
    if (roles.includes('scheduler')) {
      begin('scheduler');
      // What waits from before the stop may be out of date: it goes out once the directory has been looked at again.
      await Promise.race([ending, Promise.all(syncs.map(firstReconcile))]);
    }
    if (roles.includes('worker')) begin('worker');
    log.info({ syncs: syncs.map(({ name }) => name), roles }, 'started');
    await ending;
    log.info('stopping');
    await Promise.all(running.map(({ stop }) => stop()));
    log.info('stopped');
    return EXIT.inStep;
  });
}

/** Asks for a reconcile and waits for it, but not for ever: a directory that is away must not keep what is known from Omni. */
async function firstReconcile(sync: Sync): Promise<void> {
  const id = await ask(sync, { by: 'start', full: false });
  for (let looks = 0; looks < FIRST_LOOKS; looks++) {
    if ((await sync.ledger.asks.state(id)).kind !== 'waiting') return;
    await sleep(LOOK_MS);
  }
}

function rolesOf(text: string | undefined): Role[] {
  const known = Object.keys(STARTS) as Role[];
  if (text === undefined) return known;
  const named = text.split(',').map((name) => name.trim());
  const roles = known.filter((role) => named.includes(role));
  const unknown = named.filter((name) => !known.some((role) => role === name));
  if (unknown.length === 0) return roles;
  throw new SyncError(
    'config',
    'cli.role',
    `there is no role ${unknown.join(', ')}; roles are ${known.join(', ')}`,
  );
}
