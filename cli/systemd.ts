/** Telling systemd how the service is, through `systemd-notify`: Node has no Unix datagrams. Silent where nobody listens. */
import { execFile } from 'node:child_process';
import type { Logger } from 'pino';
import type { Environment } from '../config/environment.ts';

export interface Supervisor {
  /** Everything runs. */
  ready(): void;
  /** Another configuration is being taken over; `ready` ends it. */
  reloading(): void;
  stopping(): void;
  /** The service makes progress: told as often as the unit's WatchdogSec wants it. */
  alive(): void;
}

const LONGEST_MS = 10_000;

/** The supervisor that `env` names, if any. */
export function supervisor(env: Environment, log: Logger): Supervisor {
  const heard = (env.NOTIFY_SOCKET ?? '') !== '';
  const watchdogMs = Number(env.WATCHDOG_USEC ?? 0) / 1000;
  let aliveAt = Number.NEGATIVE_INFINITY;
  // One after the other, so that they arrive in their order.
  let last: Promise<void> = Promise.resolve();
  const tell = (...state: string[]) => {
    if (heard) last = last.then(() => notify(state, log));
  };
  return {
    ready: () => tell('READY=1'),
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => tell('STOPPING=1'),
    alive() {
      const now = performance.now();
      // A quarter, so that one that comes late is early enough.
      if (watchdogMs <= 0 || now - aliveAt < watchdogMs / 4) return;
      aliveAt = now;
      tell('WATCHDOG=1');
    },
  };
}

function notify(state: readonly string[], log: Logger): Promise<void> {
  return new Promise((resolve) => {
    execFile('systemd-notify', state, { timeout: LONGEST_MS }, (error) => {
      if (error !== null)
        log.warn(
          { code: error.code },
          'systemd-notify failed: is it installed, and has the unit NotifyAccess=all?',
        );
      resolve();
    });
  });
}
