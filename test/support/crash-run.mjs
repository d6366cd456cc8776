// A run of the built program that sends itself a signal at the nth time that it comes to a step; without that step,
// or past it, an ordinary run, which writes a line once its reconcile is done. Arguments: the dist folder, the configuration, the step, n, the signal.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const [dist, configFile, step, nth, signal] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(join(dist, file)).href);
const { compose } = await load('worker/compose.js');
const { ask, startApplying, startReconciling } = await load('worker/sync.js');
const { loadConfig } = await load('config/load.js');
const { createLog } = await load('ops/log.js');

let seen = 0;
const config = loadConfig({ path: configFile, env: process.env, cwd: process.cwd() });
const daemon = await compose({
  config,
  log: createLog({ level: 'warn', secrets: [] }),
  rebind: false,
  onStep: (now) => {
    if (now === step && ++seen === Number(nth)) process.kill(process.pid, signal);
  },
});
const [sync] = daemon.syncs;
const running = [startReconciling(sync), startApplying(sync)];
const id = await ask(sync, { by: 'test', full: false });
while ((await sync.ledger.asks.state(id)).kind === 'waiting') await sleep(50);
process.stdout.write('reconciled\n');
while ((await sync.ledger.outbox.size()) > 0) await sleep(50);
await Promise.all(running.map(({ stop }) => stop()));
await daemon.close();
