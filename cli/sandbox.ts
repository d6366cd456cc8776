/** `omni-sync sandbox`: an Omni to rehearse on, in memory, on loopback. The only file of the house that knows sandbox/. */

import { SyncError } from '../model/errors.ts';
import { type SandboxOptions, startSandbox } from '../sandbox/server.ts';
import { say } from './print.ts';
import { terminated } from './terminated.ts';

export interface SandboxVerbOptions {
  readonly port: string;
  readonly requestsPerMinute?: string;
  readonly key?: readonly string[];
  readonly attribute?: readonly string[];
  readonly set?: readonly string[];
}

/** Serves until it is interrupted. @throws SyncError `config` for an option that the sandbox does not take. */
export async function sandbox(options: SandboxVerbOptions): Promise<number> {
  const running = await startSandbox(sandboxOptions(options)).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SyncError('config', 'sandbox.start', `the sandbox cannot start: ${reason}`);
  });
  say(
    `Omni sandbox at ${running.url} (API key: ${options.key?.[0] ?? 'omni-sandbox-key'}); what it saw: ${running.url}/_sandbox/calls`,
  );
  await terminated();
  await running.close();
  return 0;
}

function sandboxOptions(options: SandboxVerbOptions): SandboxOptions {
  const settings = Object.fromEntries((options.set ?? []).map(settingOf));
  return {
    ...settings,
    port: Number(options.port),
    ...(options.requestsPerMinute !== undefined && { requestsPerMinute: Number(options.requestsPerMinute) }),
    ...(options.key !== undefined && { keys: options.key }),
    ...(options.attribute !== undefined && { attributes: options.attribute.map(attributeOf) }),
  };
}

/** `name=value`, the value as JSON where it is, else as text. */
function settingOf(text: string): [string, unknown] {
  const at = text.indexOf('=');
  if (at < 1)
    throw new SyncError('config', 'sandbox.set', `--set takes NAME=VALUE, not ${JSON.stringify(text)}`);
  const value = text.slice(at + 1);
  try {
    return [text.slice(0, at), JSON.parse(value)];
  } catch {
    return [text.slice(0, at), value];
  }
}

/** `region` or `level:Number`. */
function attributeOf(text: string): { name: string; type: 'String' | 'Number' } {
  const [name = '', type] = text.split(':');
  return { name, type: type === 'Number' ? 'Number' : 'String' };
}
