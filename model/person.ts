/** People as each side sees them: the directory's record, what Omni should hold, and what Omni holds. */

/** A value as a directory gives it. Lists keep their order; nested objects come from JSON sources alone. */
export type FieldValue =
  | string
  | number
  | boolean
  | null
  | readonly FieldValue[]
  | { readonly [key: string]: FieldValue };

/** One directory user as read: field name → value. An absent field and an empty one both mean null. */
export type DirectoryRecord = Readonly<Record<string, FieldValue>>;

/** A value of an Omni user attribute; null clears it. */
export type AttributeValue = string | number | readonly string[] | readonly number[] | null;

/** What Omni should hold of one person. */
export interface DesiredUser {
  /** The directory's immutable id of the person, as text. */
  readonly sourceId: string;
  /** An address, trimmed and otherwise as the directory gives it; compared through `addressKey`. */
  readonly userName: string;
  readonly displayName: string;
  /** Omni attribute reference → value. A reference that is absent here is left alone in Omni. */
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** An account as Omni shows it. List items show no attributes: absent is not "cleared". */
export interface OmniUser {
  readonly id: string;
  readonly userName: string;
  readonly displayName: string;
  readonly active: boolean;
  /** `meta.created` in milliseconds since 1970, where Omni says it. */
  readonly createdAt?: number;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/**
 * The form in which addresses are compared: trimmed, NFC, lower case by Unicode's locale-free rules, so that no machine's
 * language changes it. Turkish dotted İ stays apart from i, and ß from ss: they may be two mailboxes. The final
 * sigma is made the plain one, since lower-casing Σ gives either by its place.
 * Two spellings with one key are one mailbox for us; what is sent stays as the directory wrote it.
 */
export function addressKey(address: string): string {
  return address.trim().normalize('NFC').toLowerCase().replaceAll('ς', 'σ').normalize('NFC');
}
