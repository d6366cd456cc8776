/** `omni-sync start`: the service. Ends with status 0 at SIGTERM, what is in flight finished or handed back. */
import type { Logger } from 'pino';
import { processEnvironment } from '../config/process.ts';
import { SyncError } from '../model/errors.ts';
import type { Health } from '../model/health.ts';
import { startService } from '../worker/service.ts';
import type { Role } from '../worker/sync.ts';
import { NOT_YET } from '../worker/watch.ts';
import { type CommonOptions, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { reloading } from './reloading.ts';
import { startServing } from './serving.ts';
import { supervisor } from './systemd.ts';
import { terminated } from './terminated.ts';

export interface StartOptions extends CommonOptions {
  readonly role?: string;
}

type ServiceRole = Role | 'server';

const ROLES: readonly ServiceRole[] = ['scheduler', 'worker', 'server'];

/** Serves until SIGTERM or SIGINT. @throws SyncError `config` for an unknown role. */
export async function start(options: StartOptions): Promise<number> {
  const roles = rolesOf(options.role);
  // Heard from the very start: a stop that comes while Redis is still being joined must leave it in order too.
  const ending = terminated();
  let early = false;
  // What is asked for before it can be done is done once it can be; Node would end the process.
  process.on('SIGHUP', () => {
    early = true;
  });
  return withDaemon(options, 'info', async (daemon, context) => {
    const { config, log } = context;
    let syncs = () => daemon.syncs;
    let health = () => NOT_YET;
    // Before anything runs: a port that is taken is said at once, and probes are answered while a first read takes its time.
    const server = roles.includes('server')
      ? await startServing({ daemon, context, syncs: () => syncs(), health: () => health() })
      : undefined;
    const told = supervisor(processEnvironment(), log);
    const onHealth = ({ alive }: Health) => (alive ? told.alive() : giveUp(log));
    const service = startService({ daemon, config, roles: roles.filter(isOfSyncs), log, onHealth });
    syncs = service.syncs;
    health = service.health;
    const ignore = reloading(service, context, told);
    if (early) process.emit('SIGHUP');
    await Promise.race([ending, service.settled]);
    log.info({ syncs: service.syncs().map(({ name }) => name), roles }, 'started');
    told.ready();
    await ending;
    log.info('stopping');
    told.stopping();
    ignore();
    await server?.stop();
    await service.stop();
    log.info('stopped');
    return EXIT.inStep;
  });
}

function isOfSyncs(role: ServiceRole): role is Role {
  return role !== 'server';
}

/** What was in flight is handed out again, to the process that the supervisor starts next. */
function giveUp(log: Logger): never {
  log.fatal('a loop is wedged and was begun anew in vain: the process ends, to be started again');
  process.exit(EXIT.notInStep);
}

function rolesOf(text: string | undefined): ServiceRole[] {
  if (text === undefined) return [...ROLES];
  const named = text.split(',').map((name) => name.trim());
  const roles = ROLES.filter((role) => named.includes(role));
  const unknown = named.filter((name) => !ROLES.some((role) => role === name));
  if (unknown.length === 0) return roles;
  throw new SyncError(
    'config',
    'cli.role',
    `there is no role ${unknown.join(', ')}; roles are ${ROLES.join(', ')}`,
  );
}
