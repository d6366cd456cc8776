/** Active Directory's DirSync control (1.2.840.113556.1.4.841, [MS-ADTS] 3.1.1.3.4.1.3) on ldapts: flags and a cookie out, the next cookie back. */
import { Ber, type BerReader, BerWriter, Control } from 'ldapts';

/** LDAP_DIRSYNC_OBJECT_SECURITY: shows what the account may read, and needs no right to replicate the domain. */
const OBJECT_SECURITY = 1;

/** The most that one answer may hold, in bytes; the server has a limit of its own below it. */
const MAX_BYTES = 1024 * 1024;

/** What came back with an answer. */
export interface DirSyncAnswer {
  readonly more: boolean;
  readonly cookie: Buffer;
}

/** Asks for what changed since a cookie; for everything with an empty one. */
export class DirSyncControl extends Control {
  answer: DirSyncAnswer | undefined;
  readonly #cookie: Buffer;

  constructor(cookie: Buffer) {
    super('1.2.840.113556.1.4.841', { critical: true });
    this.#cookie = cookie;
  }

  protected override writeControl(writer: BerWriter): void {
    const value = new BerWriter();
    value.startSequence();
    value.writeInt(OBJECT_SECURITY);
    value.writeInt(MAX_BYTES);
    value.writeBuffer(this.#cookie, Ber.OctetString);
    value.endSequence();
    writer.writeBuffer(value.buffer, Ber.OctetString);
  }

  protected override parseControl(reader: BerReader): void {
    if (reader.readSequence() === null) return;
    const more = reader.readInt();
    reader.readInt();
    const cookie = reader.readString(Ber.OctetString, true);
    if (more !== null && cookie !== null) this.answer = { more: more !== 0, cookie };
  }
}
