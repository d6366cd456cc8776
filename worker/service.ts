/** The service: the syncs of a configuration as they run, and their exchange for those of another one while they do. */
import type { Logger } from 'pino';
import type { Config, SyncConfig } from '../config/schema.ts';
import type { Health } from '../model/health.ts';
import { cliActor } from './actor.ts';
import { createAlarming } from './alarms.ts';
import { noted } from './audited-operations.ts';
import type { Daemon, Sync } from './compose.ts';
import { createGate } from './gate.ts';
import { planReload, type ReloadPlan, reloaded } from './reload.ts';
import type { Role } from './sync.ts';
import { startUnit, type Unit } from './unit.ts';
import { startWatch } from './watch.ts';

export interface ServiceOptions {
  readonly daemon: Daemon;
  readonly config: Config;
  readonly roles: readonly Role[];
  readonly log: Logger;
  /** Told after each look at itself. */
  readonly onHealth?: (health: Health) => void;
}

export interface Service {
  /** Those that run now: others after a reload. */
  syncs(): readonly Sync[];
  /** What runs now: after a reload, without the parts that need another start. */
  config(): Config;
  /** How it was when it last looked at itself, seconds ago. */
  health(): Health;
  /** Resolves once every sync runs as its roles say: after the first reconciles. */
  readonly settled: Promise<void>;
  /** Takes over what is different in `wanted`, one reload after the other. @throws SyncError `config`: all is as it was then. */
  reload(wanted: Config): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the syncs of a daemon. */
export function startService(options: ServiceOptions): Service {
  const { daemon, config, roles, log } = options;
  const units = new Map<string, Unit>();
  const gate = createGate();
  const start = (sync: Sync, by: 'start' | 'reload') =>
    units.set(sync.name, startUnit(sync, { roles, by, gate }));
  const note = (sync: Sync, did: 'start' | 'reload' | 'stop') =>
    noted(sync.ledger.audit, { did, who: cliActor(), note: roles.join(', ') });
  const told = Promise.all(daemon.syncs.map((sync) => note(sync, 'start')));
  for (const sync of daemon.syncs) start(sync, 'start');
  let runs = config;
  const alarming = createAlarming({ recipients: () => runs.alerts, send: daemon.send, log });
  const watch = startWatch({
    redis: daemon.redis,
    units: () => [...units.values()],
    gate,
    log,
    onRound(health) {
      options.onHealth?.(health);
      // Alarms are remembered in Redis: without it nobody can know what was told.
      if (health.redis.up) alarming.round(alarmed(units, health));
    },
  });
  let last: Promise<void> = Promise.resolve();

  async function exchange(wanted: Config): Promise<void> {
    const plan = planReload(runs, wanted);
    // All are built before anything ends: where one cannot be, nothing has happened.
    const built = await buildAll(daemon, [...plan.changed, ...plan.added]);
    for (const warning of wanted.warnings) log.warn(warning);
    const ending = [...plan.removed, ...plan.changed.map(({ name }) => name)];
    await Promise.all(ending.map((name) => units.get(name)?.stop()));
    for (const name of ending) units.delete(name);
    for (const sync of built) start(sync, 'reload');
    await Promise.all(built.map((sync) => note(sync, 'reload')));
    runs = reloaded(runs, wanted);
    tell(plan, log);
  }

  return {
    syncs: () => [...units.values()].map(({ sync }) => sync),
    config: () => runs,
    health: watch.health,
    settled: Promise.all([told, ...[...units.values()].map((unit) => unit.settled)]).then(() => undefined),
    reload(wanted) {
      const done = last.then(() => exchange(wanted));
      last = done.catch(() => undefined);
      return done;
    },
    async stop() {
      await last;
      await watch.stop();
      await alarming.stop();
      await Promise.all([...units.values()].map((unit) => unit.stop()));
      await Promise.all([...units.values()].map(({ sync }) => note(sync, 'stop')));
    },
  };
}

/** What is wrong with each sync; the first one tells what is wrong with all. */
function alarmed(units: ReadonlyMap<string, Unit>, { reasons }: Health) {
  return [...units.values()].map(({ sync }, i) => {
    const own = reasons.filter(
      (reason) => reason.sync === sync.name || (reason.sync === undefined && i === 0),
    );
    return { sync, unready: own.map(({ code }) => code) };
  });
}

async function buildAll(daemon: Daemon, configs: readonly SyncConfig[]): Promise<Sync[]> {
  const built: Sync[] = [];
  try {
    for (const config of configs) built.push(await daemon.build(config));
    return built;
  } catch (error) {
    for (const sync of built) await sync.close();
    throw error;
  }
}

function tell(plan: ReloadPlan, log: Logger): void {
  const names = (syncs: readonly SyncConfig[]) => syncs.map(({ name }) => name);
  const { removed, restart } = plan;
  log.info(
    { added: names(plan.added), changed: names(plan.changed), removed },
    'the configuration was reloaded',
  );
  if (restart.length > 0)
    log.warn({ sections: restart }, 'these sections changed too: they are taken over by a restart');
}
