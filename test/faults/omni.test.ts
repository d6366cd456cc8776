/** The wire to Omni: certificates that vouch for nobody, and connections that die under a request. Rows 46 and 47 of the matrix. */
import { createServer } from 'node:https';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type Authority, type Certificate, makeAuthority } from '../support/http-server.ts';
import { it, type Journey, somePeople } from '../support/journey.ts';
import { readLedger } from '../support/ledger.ts';
import { until } from '../support/service.ts';
import { expectInvariants } from './invariants.ts';

const PEOPLE = somePeople(6);
const NAMES = 'DNS:localhost,IP:127.0.0.1';
const closers: (() => unknown)[] = [];
let authority: Authority;

beforeAll(() => {
  authority = makeAuthority();
});
afterAll(async () => {
  for (const close of closers) await close();
});

/** The sandbox behind TLS: what the certificate or the versions of it are is the case's. */
async function behindTls(journey: Journey, tls: object): Promise<() => number> {
  const front = createServer(tls);
  let greeted = 0;
  front.on('connection', () => greeted++);
  front.removeAllListeners('request');
  front.removeAllListeners('secureConnection');
  front.on('secureConnection', (socket) => {
    const upstream = connect(Number(new URL(journey.sandbox.url).port), '127.0.0.1');
    for (const one of [socket, upstream]) one.on('error', () => undefined);
    socket.pipe(upstream).pipe(socket);
  });
  front.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  closers.push(() => front.close());
  const address = front.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  journey.write('ca.pem', authority.ca);
  journey.configure((yaml) =>
    yaml.replace(/url: "http:[^"]*"/, `url: "https://127.0.0.1:${port}", ca: ./ca.pem`),
  );
  return () => greeted;
}

const REFUSED: readonly (readonly [
  what: string,
  tls: () => Certificate & { maxVersion?: string; minVersion?: string },
])[] = [
  ['that has expired', () => authority.issue(NAMES, { expired: true })],
  ['of another host', () => authority.issue('DNS:elsewhere.example')],
  ['that signs itself', () => authority.selfSigned(NAMES)],
  ['of an authority that nobody knows', () => makeAuthority().issue(NAMES)],
  ['over TLS 1.1 alone', () => ({ ...authority.issue(NAMES), minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })],
];

describe.concurrent('an Omni behind a certificate', () => {
  it.for(REFUSED)('%s is asked for it again and again, and gets no request', async ([, tls], { install }) => {
    const journey = await install(PEOPLE, { timeout: '2s' });
    const greeted = await behindTls(journey, tls());
    const running = journey.start('run');
    await until(() => greeted() >= 3 || running.child.exitCode !== null);
    expect(greeted()).toBeGreaterThan(0);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(1);
    expect(journey.sandbox.calls()).toEqual([]);
  });

  it('is not spoken to where the environment says that none is to be checked', async ({ install }) => {
    const journey = await install(PEOPLE, { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } });
    const greeted = await behindTls(journey, authority.selfSigned(NAMES));
    expect((await journey.cli('run')).code).toBe(2);
    expect(greeted()).toBe(0);
  });

  it('that its authority vouches for is served', async ({ install }) => {
    const journey = await install(PEOPLE);
    await behindTls(journey, authority.issue(NAMES));
    const { code, stderr } = await journey.cli('run');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expectInvariants({ sandbox: journey.sandbox, people: PEOPLE, ledger: await readLedger(journey) });
  });
});

describe.concurrent('an Omni with', () => {
  it.for([undefined, 5])(
    'kept connections that are cut under each request (after %s ms) gets everybody once',
    async (ms, { install }) => {
      const journey = await install(PEOPLE);
      journey.sandbox.fault({ fault: { kind: 'idleClose', ...(ms !== undefined && { ms }) }, times: 5 });
      const { code, stderr } = await journey.cli('run');
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expectInvariants({ sandbox: journey.sandbox, people: PEOPLE, ledger: await readLedger(journey) });
    },
  );
});
