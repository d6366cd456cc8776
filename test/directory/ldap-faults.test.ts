// What no well-behaved server does: a socket that answers as the test says.
import { createServer, type Socket } from 'node:net';
import { BerReader, BerWriter } from 'ldapts';
import { afterEach, describe, expect, it } from 'vitest';
import { openLdap } from '../../directory/ldap.ts';
import { readAll } from '../contract/directory.ts';

const SEARCH_REQUEST = 0x63;
const SEARCH_ENTRY = 0x64;
const SEARCH_DONE = 0x65;
const SEARCH_REFERENCE = 0x73;
const PAGED_RESULTS = '1.2.840.113556.1.4.319';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Said {
  readonly id: number;
  /** Which search of the connection this is, from 1. */
  readonly turn: number;
}

type Script = (said: Said, socket: Socket) => readonly Buffer[];

/** A directory whose server answers each search as `script` says. */
async function directoryOf(
  script: Script,
  more: { pageSize?: number; multi?: string[]; timeoutMs?: number } = {},
) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let turn = 0;
    socket.on('error', () => {});
    socket.on('data', (data) => {
      const reader = new BerReader(data);
      reader.readSequence();
      const id = reader.readInt() ?? 0;
      if (reader.peek() !== SEARCH_REQUEST) return;
      turn += 1;
      for (const answer of script({ id, turn }, socket)) if (!socket.destroyed) socket.write(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return openLdap({
    type: 'ldap',
    url: `ldap://127.0.0.1:${port}`,
    baseDn: 'dc=example,dc=test',
    fields: ['uid', 'member'],
    timeoutMs: 60_000,
    ...more,
  });
}

function message(
  id: number,
  tag: number,
  body: (writer: BerWriter) => void,
  tail?: (writer: BerWriter) => void,
) {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(id);
  writer.startSequence(tag);
  body(writer);
  writer.endSequence();
  tail?.(writer);
  writer.endSequence();
  return writer.buffer;
}

function entry(id: number, dn: string, attributes: Record<string, (string | Buffer)[]> = {}): Buffer {
  return message(id, SEARCH_ENTRY, (writer) => {
    writer.writeString(dn);
    writer.startSequence();
    for (const [name, values] of Object.entries(attributes)) {
      writer.startSequence();
      writer.writeString(name);
      writer.startSequence(0x31);
      for (const value of values) writer.writeBuffer(Buffer.from(value), 0x04);
      writer.endSequence();
      writer.endSequence();
    }
    writer.endSequence();
  });
}

function reference(id: number, uri: string): Buffer {
  return message(id, SEARCH_REFERENCE, (writer) => writer.writeString(uri));
}

/** The end of a page; without a cookie there is no paging control. */
function done(id: number, cookie: string | undefined, status = 0): Buffer {
  const control = new BerWriter();
  control.startSequence();
  control.writeInt(0);
  control.writeBuffer(Buffer.from(cookie ?? ''), 0x04);
  control.endSequence();
  return message(
    id,
    SEARCH_DONE,
    (writer) => {
      writer.writeEnumeration(status);
      writer.writeString('uid=someone,dc=example,dc=test');
      writer.writeString('no access to uid=someone');
    },
    (writer) => {
      if (cookie === undefined) return;
      writer.startSequence(0xa0);
      writer.startSequence();
      writer.writeString(PAGED_RESULTS);
      writer.writeBuffer(control.buffer, 0x04);
      writer.endSequence();
      writer.endSequence();
    },
  );
}

async function faultOf(script: Script, more?: { pageSize?: number; timeoutMs?: number }) {
  const directory = await directoryOf(script, more);
  return readAll(directory).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('openLdap on servers that answer oddly', () => {
  it.each([
    [3, 'ldap.time_limit'],
    [4, 'ldap.size_limit'],
    [10, 'ldap.referral'],
    [11, 'ldap.admin_limit'],
    [12, 'ldap.paging_refused'],
    [32, 'ldap.base'],
    [50, 'ldap.result'],
    [53, 'ldap.paging_refused'],
    [80, 'ldap.result'],
  ])(
    'turns result code %i after whole entries into %s, without the words of the server',
    async (status, code) => {
      const error = await faultOf(({ id }) => [entry(id, 'uid=a'), done(id, '', status)]);
      expect(error).toMatchObject({
        kind: 'incomplete',
        code,
        message: expect.not.stringMatching(/someone/),
      });
    },
  );

  it('does not take a page for the whole where the paging control is ignored', async () => {
    expect(await faultOf(({ id }) => [entry(id, 'uid=a'), done(id, undefined)])).toMatchObject({
      code: 'ldap.paging',
    });
  });

  it('does not take everything in one go for a page', async () => {
    const all = ({ id }: Said) => [1, 2, 3].map((n) => entry(id, `uid=${n}`));
    expect(await faultOf((said) => [...all(said), done(said.id, '')], { pageSize: 2 })).toMatchObject({
      code: 'ldap.paging',
    });
  });

  it('reads on after an empty page that has a cookie', async () => {
    const directory = await directoryOf(({ id, turn }) =>
      turn === 2 ? [done(id, 'c2')] : [entry(id, `uid=${turn}`), done(id, turn === 3 ? '' : 'c1')],
    );
    expect(await readAll(directory)).toHaveLength(2);
  });

  it('allows a cookie that stays the same while the pages differ', async () => {
    const directory = await directoryOf(({ id, turn }) => [
      entry(id, `uid=${turn}`),
      done(id, turn < 5 ? 'same' : ''),
    ]);
    expect(await readAll(directory)).toHaveLength(5);
  });

  it('notices pages that go round', async () => {
    expect(
      await faultOf(({ id, turn }) => [entry(id, `uid=${turn % 3}`), done(id, `c${turn}`)]),
    ).toMatchObject({
      code: 'ldap.paging',
      message: expect.stringMatching(/page 4/),
    });
  });

  it('notices empty pages without end', async () => {
    expect(await faultOf(({ id, turn }) => [done(id, `c${turn}`)])).toMatchObject({ code: 'ldap.paging' });
  });

  it('refuses a part of the values of an attribute', async () => {
    const members = { 'member;range=0-1': ['cn=a', 'cn=b'], member: [] };
    expect(await faultOf(({ id }) => [entry(id, 'uid=a', members), done(id, '')])).toMatchObject({
      code: 'ldap.range',
    });
  });

  it('refuses a page with references, and lets the DNS parts of AD pass', async () => {
    const script =
      (uri: string): Script =>
      ({ id }) => [entry(id, 'uid=a'), reference(id, uri), done(id, '')];
    const child = 'ldap://child.example.test/DC=child,DC=example,DC=test';
    expect(await faultOf(script(child))).toMatchObject({ code: 'ldap.referral' });
    const zones = 'ldap://x.test/DC=ForestDnsZones,DC=example,DC=test';
    expect(await readAll(await directoryOf(script(zones)))).toHaveLength(1);
  });

  it('makes a goodbye of the server in mid-page an error', async () => {
    const notice = message(0, 0x78, (writer) => {
      writer.writeEnumeration(52);
      writer.writeString('');
      writer.writeString('');
    });
    expect(await faultOf(({ id }) => [entry(id, 'uid=a'), notice])).toMatchObject({ code: 'ldap.cut' });
  });

  it('makes a polite end of the connection in mid-page an error', async () => {
    const error = await faultOf(({ id }, socket) => {
      socket.end(entry(id, 'uid=a'));
      return [];
    });
    expect(error).toMatchObject({ code: 'ldap.cut' });
  });

  it('makes an answer to a question that nobody asked an error', async () => {
    expect(await faultOf(({ id }) => [done(id + 7, '')])).toMatchObject({ code: 'ldap.protocol' });
  });

  it('makes bytes that are no LDAP an error', async () => {
    expect(await faultOf(() => [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')])).toMatchObject({
      code: 'ldap.protocol',
    });
    expect(await faultOf(({ id }) => [message(id, 0x42, () => {})])).toMatchObject({ code: 'ldap.protocol' });
  });

  it('stops reading an entry that has no end', async () => {
    const endless = Buffer.concat([
      Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]),
      Buffer.alloc(17 * 1024 * 1024),
    ]);
    expect(await faultOf(() => [endless])).toMatchObject({ code: 'ldap.too_large' });
  });

  it('stops reading a page that is larger than 32 MiB, and takes several that are not', async () => {
    const large = { uid: [Buffer.alloc(1024 * 1024, 'x')] };
    const page = (id: number, turn: number, size: number) =>
      Array.from({ length: size }, (_, at) => entry(id, `uid=${turn}-${at}`, large));
    const error = await faultOf(({ id, turn }) => [...page(id, turn, 33), done(id, '')]);
    expect(error).toMatchObject({
      kind: 'incomplete',
      code: 'ldap.page_too_large',
      message: expect.stringMatching(/pageSize.*attributes/),
    });
    const endsAt2 = ({ id, turn }: Said) => [...page(id, turn, 20), done(id, turn === 2 ? '' : 'more')];
    expect(await faultOf(endsAt2)).toBeUndefined();
  });

  it('keeps attributes with odd names as fields of their own', async () => {
    const directory = await directoryOf(({ id }) => [
      entry(id, 'uid=a', { __proto__x: ['1'], constructor: ['2'], UID: ['a'], 'cn;lang-de': [''] }),
      entry(id, 'uid=b', JSON.parse('{"__proto__": ["x", "y"]}')),
      done(id, ''),
    ]);
    const [a, b] = await readAll(directory);
    expect(a).toMatchObject({ uid: 'a', 'cn;lang-de': null });
    expect(Object.hasOwn(b ?? {}, '__proto__')).toBe(true);
    expect(Object.getPrototypeOf(b)).toBeNull();
  });

  it('makes one spelling of an entryUUID, and leaves odd ids as base64', async () => {
    const raw = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    const directory = await directoryOf(({ id }) => [
      entry(id, 'uid=a', { entryUUID: [raw] }),
      entry(id, 'uid=b', { entryUUID: ['00112233-4455-6677-8899-AABBCCDDEEFF'] }),
      entry(id, 'uid=c', { objectGUID: [Buffer.from([1, 2, 0xff])], objectSid: [Buffer.from([1, 9, 0xff])] }),
      done(id, ''),
    ]);
    const [a, b, c] = await readAll(directory);
    expect(a?.entryUUID).toBe('00112233-4455-6677-8899-aabbccddeeff');
    expect(b?.entryUUID).toBe(a?.entryUUID);
    expect({ ...c }).toEqual({ dn: 'uid=c', objectGUID: 'AQL/', objectSid: 'AQn/' });
  });
});
