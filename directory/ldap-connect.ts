/**
 * From options to a bound LDAP connection: TCP, TLS with the certificate always verified, bind. Never sends a
 * password before TLS stands where TLS was asked for.
 */
import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { BindRequest, ExtendedRequest } from 'ldapts';
import { publicLookup } from '../http/address.ts';
import { aborted } from './complete.ts';
import { type LdapStep, resultFault, wireFault } from './ldap-faults.ts';
import { Wire, WireFailure } from './ldap-wire.ts';

/** Where and as whom to connect; checked already. */
export interface LdapLogin {
  /** The directory's name, for messages. */
  readonly reading: string;
  readonly host: string;
  readonly port: number;
  readonly security: 'plain' | 'startTls' | 'ldaps';
  readonly ca: string | undefined;
  readonly bindDn: string | undefined;
  readonly bindPassword: string | undefined;
  /** For the connection, and for each request, in milliseconds. */
  readonly timeoutMs: number;
}

const START_TLS = '1.3.6.1.4.1.1466.20037';

/**
 * Runs `work` on a connection of its own, bound, and closes it whatever comes. Aborting closes it at once.
 * @throws SyncError `incomplete`: `ldap.connect`, `ldap.tls`, `ldap.bind`, `ldap.cut`, `ldap.timeout`,
 * `ldap.protocol`, `directory.aborted`.
 */
export async function* withConnection<Item, End>(
  login: LdapLogin,
  signal: AbortSignal | undefined,
  work: (wire: Wire) => AsyncGenerator<Item, End>,
): AsyncGenerator<Item, End> {
  const open: { wire?: Wire; socket?: Socket } = {};
  const onAbort = () => {
    open.wire?.close(aborted(login.reading));
    open.socket?.destroy(aborted(login.reading));
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  let step: LdapStep = 'connect';
  try {
    open.socket = tcpConnect({ port: login.port, host: login.host, lookup: publicLookup });
    await reached(open.socket, 'connect', login.timeoutMs);
    if (login.security === 'startTls') {
      step = 'tls';
      await askForTls(open.socket, login);
    }
    if (login.security !== 'plain') {
      step = 'tls';
      open.socket = secured(open.socket, login);
      await reached(open.socket, 'secureConnect', login.timeoutMs);
    }
    open.wire = new Wire(open.socket, login.timeoutMs);
    step = 'bind';
    await bind(open.wire, login);
    step = 'search';
    return yield* work(open.wire);
  } catch (error) {
    throw signal?.aborted ? aborted(login.reading) : wireFault(login.reading, step, error);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    open.wire?.close();
    open.socket?.destroy();
  }
}

/** Waits for `event`. */
function reached(socket: Socket, event: 'connect' | 'secureConnect', timeoutMs: number): Promise<void> {
  // For good: a socket that fails while nobody listens would end the process.
  socket.on('error', () => {});
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new WireFailure('timeout')), timeoutMs);
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      socket.off('error', onError).off('close', onClose);
      finish();
    };
    const onError = (error: Error) => settle(() => reject(error));
    const onClose = () => settle(() => reject(new WireFailure('cut')));
    socket.once('error', onError).once('close', onClose);
    socket.once(event, () => settle(resolve));
  });
}

/** StartTLS (RFC 4511, 4.14). What came in plain text is forgotten with its wire, so nothing can be smuggled in. */
async function askForTls(socket: Socket, login: LdapLogin): Promise<void> {
  const wire = new Wire(socket, login.timeoutMs);
  const { end } = await wire.request((messageId) => new ExtendedRequest({ messageId, oid: START_TLS }));
  if (end.status !== 0) throw resultFault(login.reading, 'tls', end);
  wire.detach();
}

function secured(socket: Socket, login: LdapLogin) {
  return tlsConnect({
    socket,
    // For the certificate's check alone; an address may not be sent as a server name (RFC 6066).
    host: login.host,
    ...(isIP(login.host) === 0 ? { servername: login.host } : {}),
    ...(login.ca === undefined ? {} : { ca: login.ca }),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
  });
}

async function bind(wire: Wire, login: LdapLogin): Promise<void> {
  const { bindDn: dn, bindPassword: password } = login;
  if (dn === undefined || password === undefined) return;
  const { end } = await wire.request((messageId) => new BindRequest({ messageId, dn, password }));
  if (end.status !== 0) throw resultFault(login.reading, 'bind', end);
}
