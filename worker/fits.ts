/** Whether the values of the mapped attributes are of the types that Omni defines, noted record by record. Names the first who is wrong by id. */
import type { DesiredUser } from '../model/person.ts';
import { type Definition, unfit } from '../plan/usable.ts';

export interface Fits {
  /** What values are held against; before it nothing is noted. */
  against(definitions: readonly Definition[]): void;
  note(desired: DesiredUser): void;
  /** `finding` with what is wrong: it fails where not one value of an attribute fits, since no record is to blame then. */
  judge<Finding extends { readonly ok: boolean; readonly detail: string }>(finding: Finding): Finding;
}

interface Fit {
  readonly first: string;
  readonly why: string;
  readonly wrong: number;
}

/** Notes nobody yet. */
export function noteFits(): Fits {
  const values = new Map<string, number>();
  const wrong = new Map<string, Fit>();
  let definitions: readonly Definition[] | undefined;
  return {
    against(known) {
      definitions = known;
    },
    note(desired) {
      if (definitions === undefined) return;
      for (const [name, value] of Object.entries(desired.attributes))
        if (value !== null) values.set(name, (values.get(name) ?? 0) + 1);
      for (const { name, why } of unfit(desired, definitions)) {
        const { first = desired.sourceId, wrong: earlier = 0 } = wrong.get(name) ?? {};
        wrong.set(name, { first, why, wrong: earlier + 1 });
      }
    },
    judge(finding) {
      if (!finding.ok || wrong.size === 0) return finding;
      const told = [...wrong].map(([name, fit]) => fitText(name, fit, values.get(name) ?? 0));
      const ok = [...wrong].every(([name, fit]) => fit.wrong < (values.get(name) ?? 0));
      return { ...finding, ok, detail: [finding.detail, ...told].join('; ') };
    },
  };
}

function fitText(name: string, { first, why, wrong }: Fit, all: number): string {
  return `${name}: ${wrong} of ${all} values would be left out, the first that of ${first}: ${why}; correct users.attributes, or the attribute in Omni`;
}
