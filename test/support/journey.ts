/** A whole installation for a test of real processes: a sandbox Omni, a directory file, a configuration, the built program. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../sandbox/server.ts';
import { ensureBuilt } from './build.ts';
import { expectNothingLeaked } from './leaks.ts';

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly office?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Process {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has written to standard error so far. */
  told(): string;
}

export interface Journey {
  readonly folder: string;
  readonly configFile: string;
  readonly sandbox: Sandbox;
  /** Replaces the directory file. */
  people(people: readonly Person[]): void;
  /** Writes a file into the installation's folder. */
  write(name: string, text: string): void;
  /** Replaces the configuration: `change` edits the text. */
  configure(change: (yaml: string) => string): void;
  /** Runs the program to its end. */
  cli(...args: string[]): Promise<Ended>;
  /** Starts the program and leaves it. */
  start(...args: string[]): Process;
  /** The same by a shell, whose script starts it as "$@". */
  shell(script: string, ...args: string[]): Process;
  /** Starts a run that dies by SIGKILL, or gets another signal, when it comes to `step` for the nth time; see crash-run.mjs. */
  crashRun(step: string, nth: number, signal?: NodeJS.Signals): Process;
  /** What every process that has ended wrote to standard error: logs and errors. */
  told(): string;
  /** SIGKILL for every process that still runs. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface JourneyOptions {
  readonly sandbox?: SandboxOptions;
  readonly requestsPerMinute?: number;
  readonly apiKey?: string;
  readonly timeout?: string;
  readonly policy?: 'create' | 'upsert';
  /** Environment variables of its processes. */
  readonly env?: Readonly<Record<string, string>>;
  /** Lines of the section `users`, beside id, userName and displayName. */
  readonly users?: string;
}

const FAST = 6_000;
const CRASH_RUN = fileURLToPath(new URL('crash-run.mjs', import.meta.url));

/** Makes one in a temporary folder. */
async function openJourney(options: JourneyOptions = {}): Promise<Journey> {
  const dist = await ensureBuilt();
  const folder = mkdtempSync(join(tmpdir(), 'journey-'));
  const rate = options.requestsPerMinute ?? FAST;
  const sandbox = await startSandbox({ requestsPerMinute: rate, ...options.sandbox });
  const configFile = join(folder, 'omni-sync.yaml');
  let yaml = configuration(sandbox.url, { ...options, requestsPerMinute: rate });
  const configure = () => writeFileSync(configFile, yaml, { mode: 0o600 });
  configure();
  const processes = new Map<ChildProcess, Promise<unknown>>();
  const told: string[] = [];
  const env = { ...process.env, ...options.env, OMNI_SYNC_DATA: join(folder, 'data') };
  const launch = (args: readonly string[], shell: readonly string[] = []): Process => {
    const [command = process.execPath, ...rest] = [...shell, process.execPath, ...args];
    const child = spawn(command, rest, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const launched = { child, ...heard(child) };
    processes.set(child, launched.ended);
    void launched.ended.then(({ stderr }) => {
      processes.delete(child);
      told.push(stderr);
    });
    return launched;
  };
  const program = (args: readonly string[]) => {
    const config = args.includes('--config') ? [] : ['--config', configFile];
    return [join(dist, 'cli/main.js'), ...args, ...config];
  };
  const start = (...args: string[]) => launch(program(args));
  return {
    folder,
    configFile,
    sandbox,
    people(people) {
      const rows = people.map(({ id, email, name, office = '' }) => [id, email, name, office].join(','));
      writeFileSync(join(folder, 'people.csv'), `${['id,email,name,office', ...rows].join('\n')}\n`);
    },
    write: (name, text) => writeFileSync(join(folder, name), text, { mode: 0o600 }),
    configure(change) {
      yaml = change(yaml);
      configure();
    },
    cli: (...args) => start(...args).ended,
    start,
    shell: (script, ...args) => launch(program(args), ['sh', '-c', script, 'sh']),
    crashRun: (step, nth, signal = 'SIGKILL') =>
      launch([CRASH_RUN, dist, configFile, step, String(nth), signal]),
    told: () => told.join('\n'),
    async kill() {
      for (const child of processes.keys()) child.kill('SIGKILL');
      await Promise.all(processes.values());
    },
    async stop() {
      await sandbox.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configuration(url: string, options: JourneyOptions): string {
  return `server: { listen: "127.0.0.1:0" }
syncs:
  - name: acme
    directory: { type: file, path: ./people.csv }
    users:
      id: id
      userName: email
      displayName: name
${(options.users ?? '').replace(/^(?=.)/gm, '      ')}
    omni: { url: "${url}", apiKey: ${options.apiKey ?? 'omni-sandbox-key'}, requestsPerMinute: ${options.requestsPerMinute}, timeout: ${options.timeout ?? '30s'} }
    policy: ${options.policy ?? 'upsert'}
`;
}

function heard(child: ChildProcess): Omit<Process, 'child'> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
  );
  return { ended, told: () => stderr };
}

/** `count` people with ids E0, E1, … */
export function somePeople(count: number, more: Partial<Person> = {}): Person[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `E${i}`,
    email: `person.${i}@example.com`,
    name: `Person Number ${i}`,
    ...more,
  }));
}

/** `it` with `install`: an installation with these people in its directory, gone with the test. */
export const it = test.extend<{
  install: (people: readonly Person[], options?: JourneyOptions) => Promise<Journey>;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest finds a fixture's needs in this pattern
  install: async ({}, use) => {
    const opened: Journey[] = [];
    await use(async (people, options) => {
      const journey = await openJourney(options);
      opened.push(journey);
      journey.people(people);
      return journey;
    });
    for (const journey of opened) await journey.kill();
    // Joins the private Redis and is the last one out: what a killed process left running ends with it.
    for (const journey of opened) await expectNothingLeaked(journey);
    for (const journey of opened) await journey.stop();
  },
});
