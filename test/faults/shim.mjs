// Loaded into a process of the product by NODE_OPTIONS=--import, to do to it what cannot be done from outside:
// FAULT_SKEW_MS: its clock is wrong by so much. FAULT_POISON: it dies by SIGKILL as it writes this text to a socket.
// SIGUSR2: its event loop stands still for FAULT_BLOCK_MS, or its clock is set by FAULT_STEP_MS.
import { Socket } from 'node:net';

const { FAULT_SKEW_MS, FAULT_STEP_MS, FAULT_POISON, FAULT_BLOCK_MS } = process.env;

if (FAULT_SKEW_MS !== undefined || FAULT_STEP_MS !== undefined) {
  let skew = Number(FAULT_SKEW_MS ?? 0);
  process.on('SIGUSR2', () => {
    skew += Number(FAULT_STEP_MS ?? 0);
  });
  const RealDate = Date;
  const now = () => RealDate.now() + skew;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: () => new RealDate(now()).toString(),
    get: (target, key, receiver) => (key === 'now' ? now : Reflect.get(target, key, receiver)),
  });
}

if (FAULT_POISON !== undefined) {
  for (const name of ['_write', '_writev']) {
    const write = Socket.prototype[name];
    Socket.prototype[name] = function (...args) {
      const chunks = name === '_writev' ? args[0].map(({ chunk }) => chunk) : [args[0]];
      // Not to Redis: its socket has no port.
      const poisoned = chunks.some((chunk) => String(chunk).includes(FAULT_POISON));
      if (poisoned && this.remotePort !== undefined) process.kill(process.pid, 'SIGKILL');
      return write.apply(this, args);
    };
  }
}

if (FAULT_BLOCK_MS !== undefined) {
  process.on('SIGUSR2', () => {
    for (const until = performance.now() + Number(FAULT_BLOCK_MS); performance.now() < until; );
  });
}
