/** Reloading the configuration: at SIGHUP, and when its file has changed. A broken one is refused, and the old one goes on. */
import { ConfigError } from '../config/errors.ts';
import { watchFile } from '../config/watch.ts';
import type { Service } from '../worker/service.ts';
import type { Context } from './context.ts';
import type { Supervisor } from './systemd.ts';

/** Listens until the function that it returns is called. */
export function reloading(
  service: Service,
  { config, log, load }: Context,
  { reloading, ready }: Supervisor,
): () => void {
  const reload = async () => {
    reloading();
    try {
      await service.reload(load());
    } catch (error) {
      log.error(faultsOf(error), 'the configuration is refused; the old one goes on');
    }
    ready();
  };
  const onChange = () => void reload();
  process.on('SIGHUP', onChange);
  const unwatch = watchFile({ path: config.file, mark: config.mark }, onChange);
  return () => {
    process.off('SIGHUP', onChange);
    unwatch();
  };
}

function faultsOf(error: unknown) {
  if (error instanceof ConfigError) return { faults: error.faults };
  return { problem: error instanceof Error ? error.message : String(error) };
}
