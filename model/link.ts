/** What is remembered of a person whose account we know. */

/** How an account came to be ours: created by us, adopted (it was there), foreign (another's), protected (never written). */
export type Provenance = 'created' | 'adopted';

export type LinkState = 'active' | 'deactivated';

/** The remembered pair of a directory user and an Omni account. Names and attribute values are not kept. */
export interface Link {
  readonly sourceId: string;
  readonly omniId: string;
  /** As Omni last answered it. */
  readonly userName: string;
  readonly provenance: Provenance;
  readonly state: LinkState;
  /** When the link came to be, in seconds since 1970. */
  readonly since: number;
  readonly protected: boolean;
  /** Adopted while its record was not wanted already: nobody has seen yet that it may be taken away. */
  readonly unreviewed?: boolean;
  /** Digests of the `field = value` pairs that Omni last confirmed (plan/fingerprint.ts makes them). */
  readonly confirmed: ReadonlySet<string>;
}
