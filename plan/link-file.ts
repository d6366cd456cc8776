/**
 * Links as a file: what its lines say, and what is wrong with one. Pure. NDJSON: a head, a link a line, an end that counts
 * them, by which a file that was cut off is known. It holds addresses, and no value of an attribute.
 */
import { z } from 'zod';
import type { Link } from '../model/link.ts';

const FORMAT = 'omni-directory-sync links';
const VERSION = 1;
const DIGEST_BYTES = 5;
const MOST_DIGESTS = 252;
const MAX_ID_BYTES = 255;
const MAX_ADDRESS = 254;
const MAX_SECONDS = 2 ** 32 - 1;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whose links a file holds. */
export interface LinkFileHead {
  readonly sync: string;
  readonly omniHost: string;
  readonly directory: string;
  readonly idExpression: string;
}

/** A link as it is carried over. */
export interface CarriedLink {
  readonly link: Link;
  /** An operator keeps this person. */
  readonly kept: boolean;
}

export type LinkFileLine =
  | { readonly kind: 'head'; readonly head: LinkFileHead }
  | { readonly kind: 'link'; readonly carried: CarriedLink }
  | { readonly kind: 'end'; readonly links: number }
  | { readonly kind: 'fault'; readonly fault: string };

const headShape = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  sync: z.string(),
  omniHost: z.string(),
  directory: z.string(),
  idExpression: z.string(),
});

const linkShape = z.strictObject({
  sourceId: z.string().refine(isId, `an id of 1 to ${MAX_ID_BYTES} bytes`),
  omniId: z.string().regex(UUID, 'a UUID'),
  userName: z.string().min(1).max(MAX_ADDRESS),
  provenance: z.enum(['created', 'adopted']).default('adopted'),
  state: z.enum(['active', 'deactivated']).default('active'),
  since: z.int().min(0).max(MAX_SECONDS).default(0),
  protected: z.boolean().default(false),
  unreviewed: z.boolean().default(false),
  kept: z.boolean().default(false),
  confirmed: z.string().refine(areDigests, `digests of ${DIGEST_BYTES} bytes in base64`).default(''),
});

const endShape = z.strictObject({ end: z.literal(true), links: z.int().min(0) });

function isId(text: string): boolean {
  const bytes = Buffer.byteLength(text);
  return bytes > 0 && bytes <= MAX_ID_BYTES;
}

function areDigests(text: string): boolean {
  const bytes = Buffer.from(text, 'base64');
  const whole = bytes.length % DIGEST_BYTES === 0 && bytes.length <= MOST_DIGESTS * DIGEST_BYTES;
  return whole && bytes.toString('base64') === text;
}

/** The first line. */
export function headLine(head: LinkFileHead): string {
  return `${JSON.stringify({ format: FORMAT, version: VERSION, ...head })}\n`;
}

/** The line of a link; what is as it mostly is stands there too, for eyes and for other programs. */
export function linkLine({ link, kept }: CarriedLink): string {
  const { confirmed, unreviewed, ...rest } = link;
  const digests = Buffer.from([...confirmed].join(''), 'latin1').toString('base64');
  const seldom = { ...(unreviewed === true && { unreviewed }), ...(kept && { kept }) };
  return `${JSON.stringify({ ...rest, ...seldom, confirmed: digests })}\n`;
}

/** The last line. */
export function endLine(links: number): string {
  return `${JSON.stringify({ end: true, links })}\n`;
}

/** Reads a line. A fault names the field, never what stands in it. */
export function readLine(text: string): LinkFileLine {
  const value = parsed(text);
  if (typeof value !== 'object' || value === null) return fault('it is no JSON object');
  if ('format' in value) {
    const head = headShape.safeParse(value);
    return head.success ? { kind: 'head', head: headOf(head.data) } : fault(headFault(value, head.error));
  }
  if ('end' in value) {
    const end = endShape.safeParse(value);
    return end.success ? { kind: 'end', links: end.data.links } : fault(faultText(end.error));
  }
  const row = linkShape.safeParse(value);
  return row.success ? { kind: 'link', carried: carriedOf(row.data) } : fault(faultText(row.error));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function fault(text: string): LinkFileLine {
  return { kind: 'fault', fault: text };
}

function headFault(value: object, error: z.ZodError): string {
  if ('version' in value && typeof value.version === 'number' && value.version !== VERSION)
    return `its form is ${value.version}, this program reads form ${VERSION}`;
  return faultText(error);
}

function faultText({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': ')).join('; ');
}

function headOf({ format: _, version: __, ...head }: z.infer<typeof headShape>): LinkFileHead {
  return head;
}

function carriedOf({ kept, unreviewed, confirmed, ...rest }: z.infer<typeof linkShape>): CarriedLink {
  const digests = Buffer.from(confirmed, 'base64').toString('latin1');
  const count = digests.length / DIGEST_BYTES;
  const slices = Array.from({ length: count }, (_, i) =>
    digests.slice(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES),
  );
  const link: Link = {
    ...rest,
    omniId: rest.omniId.toLowerCase(),
    ...(unreviewed && { unreviewed }),
    confirmed: new Set(slices),
  };
  return { link, kept };
}
