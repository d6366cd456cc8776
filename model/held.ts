/** Changes that nobody makes before an operator has said so: accounts to adopt, and links to move to new ids. */

/** Who is to get which account. */
export interface HeldClaim {
  readonly sourceId: string;
  readonly what: 'adopt' | 'relink';
  readonly omniId: string;
  /** The address that the person has in the directory. */
  readonly userName: string;
  /** Of a relink: the sourceId that has the account now. */
  readonly from?: string;
}

export interface HeldChange extends HeldClaim {
  /** Of an account to adopt, what Omni shows of it: nobody needs to ask again. */
  readonly displayName?: string;
  /** When it was first held, in milliseconds since 1970 by Redis's clock. */
  readonly since: number;
}

/** approved: go on. kept: leave the account as it is, for good. For exactly this claim. */
export type HeldAnswer = 'approved' | 'kept';
