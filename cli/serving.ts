/** The role `server`: what the HTTP interface is handed of the service. */
import type { Health } from '../model/health.ts';
import { localToken } from '../ops/local-token.ts';
import type { MeasuredSync } from '../ops/metrics.ts';
import { type RunningServer, startServer } from '../ops/server.ts';
import type { Daemon, Sync } from '../worker/compose.ts';
import { operationsOf } from '../worker/operations.ts';
import type { Context } from './context.ts';

export interface ServingOptions {
  readonly daemon: Daemon;
  readonly context: Context;
  /** Those that run now. */
  readonly syncs: () => readonly Sync[];
  readonly health: () => Health;
}

/** Starts it. @throws SyncError `config` where it cannot listen. */
export async function startServing({
  daemon,
  context,
  syncs,
  health,
}: ServingOptions): Promise<RunningServer> {
  const { config, log } = context;
  return startServer({
    ...config.server,
    tokens: await tokensOf(context),
    syncs: () => syncs().map(operationsOf),
    redis: daemon.redis,
    health,
    metrics: daemon.metrics,
    measured: () => syncs().map(measuredOf),
    log,
  });
}

function measuredOf(sync: Sync): MeasuredSync {
  const { queues, budget, rate } = sync;
  const requestsPerMinute = rate.requestsPerMinute * rate.keys;
  return { operations: operationsOf(sync), queues, budget, requestsPerMinute };
}

async function tokensOf({ config, log, hide }: Context) {
  if (config.server.tokens.length > 0) return config.server.tokens;
  const { token, file } = await localToken(config.dataDir);
  hide(token);
  log.info({ file }, 'no server.token is configured: this file holds the one to sign in with');
  return [{ name: 'local', scope: 'approve', token }] as const;
}
