/** Starts an Omni to rehearse on: plain HTTP on loopback, in memory, gone when it is closed. Never for real people. */
import { setMaxListeners } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { Calls } from './calls.ts';
import { CONTROL_PREFIX, control } from './control-api.ts';
import { type Controls, controlsOf } from './controls.ts';
import { exchange, type House } from './exchange.ts';
import { Faults } from './faults.ts';
import { groupRoutes } from './group-routes.ts';
import { Keys } from './keys.ts';
import { createLimiter } from './limiter.ts';
import { parsed } from './parse.ts';
import { type SomeSettings, settingsSchema } from './settings.ts';
import { emptyState } from './state.ts';
import { embedRoutes, userRoutes } from './user-routes.ts';
import { v1Routes } from './v1-routes.ts';

/** How to start it: its address and keys, and any of the settings. */
export interface SandboxOptions extends SomeSettings {
  /** Default 0: any free port. */
  readonly port?: number | undefined;
  /** Organization API keys. Default: one, `omni-sandbox-key`. */
  readonly keys?: readonly string[] | undefined;
  /** Keys that are refused as personal ones, beside all that begin with `personal-`. Default none. */
  readonly personalKeys?: readonly string[] | undefined;
}

/** A running sandbox; also its controls, for whoever started it in the same process. */
export interface Sandbox extends Controls {
  /** `http://127.0.0.1:<port>`: what the daemon is given as Omni's URL. */
  readonly url: string;
  readonly port: number;
  /** Ends every connection; what waits is not carried out. */
  close(): Promise<void>;
}

const PORT = 'takes a whole number from 0 to 65535';
const key = z.string('takes a text').min(1, 'takes a text that is not empty');

/** Checks all that it may be started with; its messages say what an option takes. */
export const optionsSchema = settingsSchema.extend({
  port: z.int(PORT).min(0, PORT).max(65_535, PORT).default(0),
  keys: z.array(key, 'takes a list of texts').default(['omni-sandbox-key']),
  personalKeys: z.array(key, 'takes a list of texts').default([]),
});

/**
 * Starts a sandbox on 127.0.0.1.
 * @throws Problem where an option is wrong; the system's error where the port is taken
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { port, keys, personalKeys, ...settings } = parsed(optionsSchema, options);
  const stop = new AbortController();
  // Every request that a fault delays listens to it.
  setMaxListeners(0, stop.signal);
  const house = newHouse(stop.signal);
  const controls = controlsOf(house);
  controls.set(settings);
  for (const one of keys) house.keys.add(one);
  for (const one of personalKeys) house.keys.add(one, 'personal');
  const server = newServer(house, controls);
  const bound = await listening(server, port);
  return {
    ...controls,
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    close: () => {
      stop.abort();
      return closed(server);
    },
  };
}

function newHouse(stopping: AbortSignal): House {
  return {
    state: emptyState(),
    keys: new Keys(),
    limiter: createLimiter(),
    faults: new Faults(),
    calls: new Calls(),
    routes: [...userRoutes, ...embedRoutes, ...groupRoutes, ...v1Routes],
    startedAt: performance.now(),
    stopping,
    doomed: new WeakSet(),
  };
}

function newServer(house: House, controls: Controls): Server {
  const server = createServer((request, response) => {
    const controlled = request.url?.startsWith(CONTROL_PREFIX) === true;
    const serving = controlled ? control(controls, request, response) : exchange(house, request, response);
    // A bug of the sandbox: the caller gets no answer, and the process says why.
    serving.catch((error: unknown) => {
      response.destroy();
      process.emitWarning(error instanceof Error ? error : String(error));
    });
  });
  // Longer than clients keep theirs, as behind a load balancer.
  server.keepAliveTimeout = 75_000;
  return server;
}

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // An AddressInfo: it listens on a port, not on a pipe.
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
