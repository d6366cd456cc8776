/** Lets an account of a test domain see what deletions leave: List Contents and Read Property on the container Deleted Objects. */
import { Attribute, Ber, BerWriter, Change, type Client, Control } from 'ldapts';

const LIST_AND_READ = 0x4 | 0x10;
/** Parts of a descriptor, as the control names them. */
const OWNER = 1;
const DACL = 4;
/** A descriptor's head ([MS-DTYP] 2.4.6); what it holds follows. */
const HEAD_BYTES = 20;
const SELF_RELATIVE = 0x8000;
const DACL_PRESENT = 0x8004;
/** S-1-5-32-544, Administrators. */
const ADMINISTRATORS = Buffer.from('01020000000000052000000020020000', 'hex');

/** Shows the container, which counts as deleted itself. */
const showDeleted = () => new Control('1.2.840.113556.1.4.417', { critical: true });

class DescriptorPart extends Control {
  readonly #part: number;

  constructor(part: number) {
    super('1.2.840.113556.1.4.801', { critical: true });
    this.#part = part;
  }

  protected override writeControl(writer: BerWriter): void {
    const value = new BerWriter();
    value.startSequence();
    value.writeInt(this.#part);
    value.endSequence();
    writer.writeBuffer(value.buffer, Ber.OctetString);
  }
}

/** Grants it to the user at `dn`. The container is the system's own: its owner changes first, as `dsacls /takeownership` has it. */
export async function showDeletions(client: Client, rootDn: string, dn: string): Promise<void> {
  const container = `CN=Deleted Objects,${rootDn}`;
  await writeDescriptor(client, container, { part: OWNER, descriptor: owned() });
  const sid = await bytesOf(client, dn, 'objectSid');
  const descriptor = await bytesOf(client, container, 'nTSecurityDescriptor');
  await writeDescriptor(client, container, { part: DACL, descriptor: withAce(descriptor, sid) });
}

async function writeDescriptor(
  client: Client,
  dn: string,
  { part, descriptor }: { part: number; descriptor: Buffer },
): Promise<void> {
  const modification = new Attribute({ type: 'nTSecurityDescriptor', values: [descriptor] });
  const controls = [showDeleted(), new DescriptorPart(part)];
  await client.modify(dn, new Change({ operation: 'replace', modification }), controls);
}

async function bytesOf(client: Client, dn: string, attribute: string): Promise<Buffer> {
  const options = { scope: 'base' as const, attributes: [attribute], explicitBufferAttributes: [attribute] };
  const { searchEntries } = await client.search(dn, options, [showDeleted(), new DescriptorPart(DACL)]);
  const value = [searchEntries[0]?.[attribute]].flat()[0];
  if (!Buffer.isBuffer(value)) throw new Error(`${dn} shows no ${attribute}`);
  return value;
}

function owned(): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(1, 0);
  head.writeUInt16LE(SELF_RELATIVE, 2);
  head.writeUInt32LE(HEAD_BYTES, 4);
  return Buffer.concat([head, ADMINISTRATORS]);
}

/** The descriptor's list of rights with one more entry that allows, alone in a descriptor. */
function withAce(descriptor: Buffer, sid: Buffer): Buffer {
  const acl = descriptor.subarray(descriptor.readUInt32LE(16));
  const ace = Buffer.alloc(8);
  ace.writeUInt16LE(8 + sid.length, 2);
  ace.writeUInt32LE(LIST_AND_READ, 4);
  const list = Buffer.concat([acl.subarray(0, acl.readUInt16LE(2)), ace, sid]);
  list.writeUInt16LE(list.length, 2);
  list.writeUInt16LE(acl.readUInt16LE(4) + 1, 4);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(1, 0);
  head.writeUInt16LE(DACL_PRESENT, 2);
  head.writeUInt32LE(HEAD_BYTES, 16);
  return Buffer.concat([head, list]);
}
