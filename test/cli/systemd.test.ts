/** What systemd would hear: a real datagram socket, the real systemd-notify. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { supervisor } from '../../cli/systemd.ts';
import { createLog } from '../../ops/log.ts';
import { it as journey, somePeople } from '../support/journey.ts';
import { endInOrder, listen, until } from '../support/service.ts';

/** Prints each datagram on a line; closes what comes with it, which is what a barrier waits for. */
const LISTENER = `
import os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
print('listening', flush=True)
while True:
    text, files, _, _ = socket.recv_fds(listener, 4096, 4)
    for file in files: os.close(file)
    print(text.decode().strip().replace('\\n', ' '), flush=True)
`;

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

beforeAll(() => {
  for (const program of ['python3', 'systemd-notify']) {
    if (spawnSync(program, ['--version']).error)
      throw new Error(
        `${program} is missing: apt-get install -y ${program === 'python3' ? program : 'systemd'}`,
      );
  }
});

/** Listens as systemd does; what it has heard so far. */
async function systemd(): Promise<{ socket: string; heard: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'notify-'));
  const socket = join(folder, 's');
  const child = spawn('python3', ['-c', LISTENER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  const heard: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('BARRIER')) heard.push(line);
  });
  ends.push(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  await until(() => heard.includes('listening'));
  heard.length = 0;
  return { socket, heard };
}

const quiet = createLog({ level: 'silent', secrets: [] });

describe('supervisor', () => {
  it('says nothing where nobody listens', () => {
    const told = supervisor({ WATCHDOG_USEC: '1000000' }, quiet);
    told.ready();
    told.alive();
    expect(told).toBeDefined();
  });

  it('goes on where systemd-notify fails, and says so', async () => {
    const lines: string[] = [];
    const log = createLog({ level: 'warn', secrets: [], stream: { write: (line) => lines.push(line) } });
    supervisor({ NOTIFY_SOCKET: '/nowhere' }, log).ready();
    await until(() => lines.length > 0);
    expect(lines[0]).toContain('NotifyAccess=all');
  });
});

describe('a service under systemd', () => {
  journey('says ready, alive, reloading and stopping, in that order', async ({ install }) => {
    const { socket, heard } = await systemd();
    const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '8000000' };
    const installation = await install(somePeople(2), { env });
    const service = installation.start('start');
    const said = listen(service);
    await said('started');
    await until(() => heard.includes('READY=1') && heard.filter((line) => line === 'WATCHDOG=1').length >= 2);
    service.child.kill('SIGHUP');
    await said('the configuration was reloaded');
    await until(() => heard.filter((line) => line === 'READY=1').length >= 2);
    await endInOrder(service);
    await until(() => heard.includes('STOPPING=1'));
    const order = heard.filter((line) => line !== 'WATCHDOG=1').map((line) => line.split('=')[0]);
    expect(order).toEqual(['READY', 'RELOADING', 'READY', 'STOPPING']);
    expect(heard.find((line) => line.startsWith('RELOADING'))).toMatch(/^RELOADING=1 MONOTONIC_USEC=\d+$/);
  });
});
