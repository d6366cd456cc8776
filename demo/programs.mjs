/** The programs of the demo: `omni-sync` as it was built, run as a process of its own, and its sandbox. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const START_LIMIT_MS = 60_000;

/** Runs a verb and shows it, and what it writes, indented. Returns its exit status. */
export async function omniSync(args, env) {
  process.stdout.write(`   $ omni-sync ${args.join(' ')}\n`);
  const child = start(args, env);
  show(child.stdout);
  show(child.stderr);
  const [status] = await once(child, 'close');
  return status;
}

/** What a verb writes on standard output. */
export async function omniSyncOutput(args, env) {
  const child = start(args, env);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  show(child.stderr);
  await once(child, 'close');
  return output;
}

function start(args, env) {
  return spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function show(stream) {
  createInterface({ input: stream }).on('line', (line) => process.stdout.write(`   | ${line}\n`));
}

/** Starts `omni-sync sandbox` on a free port, with what the demo reads of it. */
export async function startSandbox({ attributes, requestsPerMinute }) {
  const args = ['--port', '0', '--requests-per-minute', String(requestsPerMinute)];
  for (const attribute of attributes) args.push('--attribute', attribute);
  const child = spawn(process.execPath, [MAIN, 'sandbox', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const [, url, key] = await announced(child, /Omni sandbox at (\S+) \(API key: ([^)]+)\)/);
  const control = async (path, method = 'GET') => {
    const answer = await fetch(`${url}/_sandbox/${path}`, { method });
    return answer.status === 204 ? undefined : answer.json();
  };
  return {
    url,
    key,
    state: () => control('state'),
    calls: async () => (await control('calls')).calls,
    forgetCalls: () => control('calls', 'DELETE'),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** The first line of `child` that matches. */
function announced(child, pattern) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error('the sandbox did not start in time'));
    }, START_LIMIT_MS);
    child.once('exit', (status) =>
      reject(new Error(`the sandbox ended at its start (exit status ${status})`)),
    );
    createInterface({ input: child.stdout }).on('line', (line) => {
      const match = pattern.exec(line);
      if (match === null) return;
      clearTimeout(late);
      resolve(match);
    });
  });
}
