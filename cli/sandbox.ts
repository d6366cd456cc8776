/** `omni-sync sandbox`: an Omni to rehearse on, in memory, on loopback. The only file of the house that knows sandbox/. */

import { SyncError } from '../model/errors.ts';
import { nearest } from '../model/nearest.ts';
import { optionsSchema, type Sandbox, type SandboxOptions, startSandbox } from '../sandbox/server.ts';
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
  const running = await started(sandboxOptions(options));
  say(
    `Omni sandbox at ${running.url} (API key: ${options.key?.[0] ?? 'omni-sandbox-key'}); what it saw: ${running.url}/_sandbox/calls`,
  );
  await terminated();
  await running.close();
  return 0;
}

async function started(options: SandboxOptions): Promise<Sandbox> {
  return startSandbox(options).catch((error: NodeJS.ErrnoException) => {
    if (error.syscall !== 'listen') throw error;
    const why = error.code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be had (${error.code})`;
    throw refused(`--port: port ${options.port} ${why}: name another, or 0 for any`);
  });
}

/** The flag of an option that has one; all others are given by --set. */
const FLAGS: Readonly<Record<string, { flag: string; option: keyof SandboxVerbOptions }>> = {
  port: { flag: '--port', option: 'port' },
  requestsPerMinute: { flag: '--requests-per-minute', option: 'requestsPerMinute' },
  keys: { flag: '--key', option: 'key' },
  attributes: { flag: '--attribute', option: 'attribute' },
};

function sandboxOptions(options: SandboxVerbOptions): SandboxOptions {
  const checked = optionsSchema.safeParse({
    ...Object.fromEntries((options.set ?? []).map(settingOf)),
    port: numberOf(options.port),
    ...(options.requestsPerMinute !== undefined && {
      requestsPerMinute: numberOf(options.requestsPerMinute),
    }),
    ...(options.key !== undefined && { keys: options.key }),
    ...(options.attribute !== undefined && { attributes: options.attribute.map(attributeOf) }),
  });
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  if (issue?.code === 'unrecognized_keys') throw unknownSetting(issue.keys[0] ?? '');
  const name = String(issue?.path[0]);
  const own = FLAGS[name];
  const flag = own !== undefined && options[own.option] !== undefined ? own.flag : `--set ${name}`;
  throw refused(`${flag} ${issue?.message}`);
}

function unknownSetting(name: string): SyncError {
  const known = Object.keys(optionsSchema.shape).filter((one) => one !== 'port' && one !== 'keys');
  const near = nearest(name, known);
  const mend = near === undefined ? `there are: ${known.join(', ')}` : `did you mean ${near}?`;
  return refused(`--set: there is no setting ${JSON.stringify(name)}; ${mend}`);
}

function refused(message: string): SyncError {
  return new SyncError('config', 'sandbox.option', `the sandbox cannot start: ${message}`);
}

/** `name=value`, the value as JSON where it is, else as text. */
function settingOf(text: string): [string, unknown] {
  const at = text.indexOf('=');
  if (at < 1) throw refused(`--set takes NAME=VALUE, not ${JSON.stringify(text)}`);
  const value = text.slice(at + 1);
  try {
    return [text.slice(0, at), JSON.parse(value)];
  } catch {
    return [text.slice(0, at), value];
  }
}

/** A text that is no plain whole number stays what it is, for the sandbox to refuse. */
function numberOf(text: string): number | string {
  return /^\d{1,15}$/.test(text) ? Number(text) : text;
}

/** `region` or `level:Number`. */
function attributeOf(text: string): { name: string; type: string } {
  const at = text.lastIndexOf(':');
  return at < 0 ? { name: text, type: 'String' } : { name: text.slice(0, at), type: text.slice(at + 1) };
}
