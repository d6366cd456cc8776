/** Progress of a run: a bar with the time left where there is a terminal, a plain line now and then where there is none. */
import cliProgress from 'cli-progress';
import type { SyncStatus } from '../ops/status.ts';
import { secondsFor, spanText } from '../plan/forecast.ts';
import type { Sync } from '../worker/compose.ts';

export interface Progress {
  show(status: SyncStatus, sync: Sync): void;
  close(): void;
}

const LINE_EVERY_MS = 5_000;

/** `auto`: by whether standard error is a terminal. */
export function openProgress(kind: 'auto' | 'none'): Progress {
  if (kind === 'none') return { show: () => undefined, close: () => undefined };
  return process.stderr.isTTY ? bars() : lines();
}

function left(status: SyncStatus, sync: Sync): string {
  if (status.unreachable) return 'Omni does not answer';
  return status.waiting === 0 ? 'done' : `${spanText(secondsFor(status.waiting, sync.rate))} left`;
}

function bars(): Progress {
  const format = '{name} {bar} {value}/{total} {left}';
  const all = new cliProgress.MultiBar({
    format,
    hideCursor: true,
    clearOnComplete: false,
    stream: process.stderr,
  });
  const shown = new Map<string, { bar: cliProgress.SingleBar; total: number }>();
  return {
    show(status, sync) {
      const { name, waiting } = status;
      const earlier = shown.get(name);
      const total = Math.max(earlier?.total ?? 0, waiting);
      if (total === 0) return;
      const payload = { name, left: left(status, sync) };
      const bar = earlier?.bar ?? all.create(total, 0, payload);
      bar.setTotal(total);
      bar.update(total - waiting, payload);
      shown.set(name, { bar, total });
    },
    close: () => all.stop(),
  };
}

function lines(): Progress {
  const last = new Map<string, number>();
  return {
    show(status, sync) {
      const now = performance.now();
      const { name, waiting } = status;
      if (waiting === 0 || now - (last.get(name) ?? -LINE_EVERY_MS) < LINE_EVERY_MS) return;
      last.set(name, now);
      process.stderr.write(`${name}: ${waiting} waiting, ${left(status, sync)}\n`);
    },
    close: () => undefined,
  };
}
