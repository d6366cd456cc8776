/** What every verb needs: the configuration, the log, the syncs it is about; and how an error ends the program. */
import type { Logger } from 'pino';
import { loadConfig } from '../config/load.ts';
import { processEnvironment } from '../config/process.ts';
import type { Config } from '../config/schema.ts';
import { secretsOf } from '../config/secrets.ts';
import { isSyncError, SyncError } from '../model/errors.ts';
import { createLog } from '../ops/log.ts';
import { mappingFaults } from '../plan/map.ts';
import { compose, type Daemon, type Sync } from '../worker/compose.ts';

export interface CommonOptions {
  readonly config?: string;
  readonly sync?: string;
  readonly rebind?: boolean;
  readonly logLevel?: string;
  /** Write nothing to Redis. */
  readonly readOnly?: boolean;
  /** Open no sync: what is asked is not about their ledgers, and can be told where those are refused. */
  readonly withoutSyncs?: boolean;
}

export interface Context {
  readonly config: Config;
  readonly log: Logger;
  /** Reads the configuration again; its secrets are cut from the log from then on. @throws SyncError `config`. */
  load(): Config;
  /** Cuts one more from the log. */
  hide(secret: string): void;
}

/** Loads the configuration, narrowed to `--sync`. @throws SyncError `config`. */
function openContext(options: CommonOptions, level: string): Context {
  const secrets: string[] = [];
  const hide = (secret: string) => {
    if (secrets.includes(secret)) return;
    secrets.push(secret);
    // The longest first, so that one that holds another goes whole.
    secrets.sort((a, b) => b.length - a.length);
  };
  const load = () => {
    const config = loadConfig({
      ...(options.config !== undefined && { path: options.config }),
      env: processEnvironment(),
      cwd: process.cwd(),
      check: mappingFaults,
    });
    for (const secret of secretsOf(config)) hide(secret);
    return config;
  };
  const config = narrowed(load(), options.sync);
  return {
    config,
    log: createLog({ level: options.logLevel ?? level, secrets, pretty: process.stderr.isTTY === true }),
    load,
    hide,
  };
}

function narrowed(config: Config, name: string | undefined): Config {
  const syncs = name === undefined ? config.syncs : config.syncs.filter((sync) => sync.name === name);
  if (syncs.length > 0) return { ...config, syncs };
  const known = config.syncs.map((sync) => sync.name).join(', ');
  throw new SyncError('config', 'cli.sync', `no sync is named ${name}; there are: ${known}`);
}

/** Opens the syncs, does `work`, and closes them whatever happens. */
export function withDaemon<Result>(
  options: CommonOptions,
  level: string,
  work: (daemon: Daemon, context: Context) => Promise<Result>,
): Promise<Result> {
  return tryDaemon(options, level, (daemon, context) => {
    if (isSyncError(daemon)) throw daemon;
    return work(daemon, context);
  });
}

/** The same for a verb that has something to say of syncs that cannot be opened: it is given the error instead. */
export async function tryDaemon<Result>(
  options: CommonOptions,
  level: string,
  work: (daemon: Daemon | SyncError, context: Context) => Promise<Result>,
): Promise<Result> {
  const context = openContext(options, level);
  const { log, hide: onSecret } = context;
  const { rebind = false, readOnly = false } = options;
  const config = options.withoutSyncs === true ? { ...context.config, syncs: [] } : context.config;
  const composing = compose({ config, log, onSecret, rebind, readOnly });
  const daemon = await composing.catch((error: unknown) => {
    if (isSyncError(error)) return error;
    throw error;
  });
  if (isSyncError(daemon)) return work(daemon, context);
  try {
    return await work(daemon, context);
  } finally {
    await daemon.close();
  }
}

/** Does `work` for each sync, one after the other, and gives what came of it. */
export async function eachSync<Result>(
  daemon: Daemon,
  work: (sync: Sync) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const sync of daemon.syncs) results.push(await work(sync));
  return results;
}
