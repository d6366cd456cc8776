/** How a record came to be a person, told step by step for whoever asks why: each part of an expression with its value. */
import type { FieldValue } from './person.ts';

/** What an expression, or a part of one, gives for one record: a value, or the reason why it gives none. */
export interface Evaluated {
  /** As it is written in the configuration. */
  readonly source: string;
  /** null where it was refused, too. */
  readonly value: FieldValue;
  readonly refusal?: string;
}

/** An expression split at its logical operators. */
export interface Clause extends Evaluated {
  /** What joins the parts: `&&`, `||` or `!`; null: it is not split. */
  readonly joinedBy: '&&' | '||' | '!' | null;
  readonly parts: readonly Clause[];
}

/** One mapped field: `userName`, `displayName`, `@reference`, with what Omni would get. */
export interface FieldStory extends Evaluated {
  readonly field: string;
}

/** A record under the mapping. */
export interface MappingStory {
  readonly verdict: 'inScope' | 'outOfScope' | 'inactive' | 'rejected';
  /** Why it was rejected. */
  readonly rejection?: { readonly code: string; readonly reason: string };
  /** The scope; null: everyone is in it. */
  readonly where: Clause | null;
  /** Whether the person is active; null: everyone is. */
  readonly active: Clause | null;
  readonly fields: readonly FieldStory[];
  readonly protected: boolean;
}
