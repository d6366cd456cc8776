/**
 * A mapping's configuration → its compiled rules, with every fault of it told at once.
 * Must never look at a record.
 */
import { isSyncError, SyncError } from '../model/errors.ts';
import { addressKey } from '../model/person.ts';
import { compileExpression, type Expression } from './expression.ts';
import { isForbiddenName } from './expression-values.ts';
import { isAddress } from './map-values.ts';

/** `users` and `leavers.protect` of a sync's configuration: every text but addresses and ids is an expression. */
export interface MappingOptions {
  readonly id: string;
  readonly userName: string;
  readonly displayName: string;
  /** Left out: everyone is active. */
  readonly active?: string;
  /** The scope. Left out: everyone. */
  readonly where?: string;
  /** Omni attribute reference → expression; `keep` leaves the attribute alone where the expression gives null. */
  readonly attributes?: Readonly<
    Record<string, string | { readonly value: string; readonly keep?: boolean }>
  >;
  /**
   * Who is never taken away. An entry that is an e-mail address is one; else one that holds white space or any of
   * `"'()[]{}<>=!&|?:,*+/%` is an expression; else it is an id.
   */
  readonly protect?: readonly string[];
}

/** An expression and the name under which its errors are told. */
export interface Rule {
  readonly place: string;
  readonly expression: Expression;
}

/** `keep`: where the value is null, the attribute is left alone. */
interface AttributeRule extends Rule {
  readonly name: string;
  readonly keep: boolean;
}

/** A mapping, compiled. */
export interface Rules {
  readonly id: Rule;
  readonly userName: Rule;
  readonly displayName: Rule;
  readonly active: Rule | undefined;
  readonly where: Rule | undefined;
  readonly attributes: readonly AttributeRule[];
  readonly protectedIds: ReadonlySet<string>;
  readonly protectedAddresses: ReadonlySet<string>;
  readonly protectedWhere: readonly Rule[];
}

/**
 * Compiles the rules of a mapping.
 * @throws SyncError `config`, with the code of the first fault and a line for each: `attributes.region: …`.
 */
export function compileRules(options: MappingOptions): Rules {
  const faults: SyncError[] = [];
  const rule = (place: string, source: string): Rule => ({
    place,
    expression: compileAt(place, source, faults),
  });
  const optional = (place: 'active' | 'where'): Rule | undefined =>
    options[place] === undefined ? undefined : rule(place, options[place]);
  const rules: Rules = {
    id: rule('id', options.id),
    userName: rule('userName', options.userName),
    displayName: rule('displayName', options.displayName),
    active: optional('active'),
    where: optional('where'),
    attributes: attributeRules(options, rule, faults),
    ...protectRules(options.protect ?? [], rule),
  };
  const [first] = faults;
  if (first !== undefined) {
    throw new SyncError('config', first.code, faults.map((fault) => fault.message).join('\n'));
  }
  return rules;
}

const NOTHING: Expression = { source: '', fields: new Set(), evaluate: () => null };

function compileAt(place: string, source: string, faults: SyncError[]): Expression {
  try {
    return compileExpression(source);
  } catch (error) {
    if (!isSyncError(error)) throw error;
    faults.push(prefixed(place, error));
    return NOTHING;
  }
}

/** The same error, told under the place of the expression in the configuration. */
export function prefixed(place: string, error: SyncError): SyncError {
  return new SyncError(error.kind, error.code, `${place}: ${error.message}`);
}

type MakeRule = (place: string, source: string) => Rule;

function attributeRules(options: MappingOptions, rule: MakeRule, faults: SyncError[]): AttributeRule[] {
  const attributes = Object.entries(options.attributes ?? {}).sort(([left], [right]) =>
    left < right ? -1 : 1,
  );
  return attributes.map(([name, attribute]) => {
    const place = `attributes.${name}`;
    if (name === '' || isForbiddenName(name)) {
      const reason = `${place}: this cannot be the reference of an Omni attribute.`;
      faults.push(new SyncError('config', 'mapping.forbidden-name', reason));
    }
    if (typeof attribute === 'string') return { ...rule(place, attribute), name, keep: false };
    return { ...rule(place, attribute.value), name, keep: attribute.keep === true };
  });
}

const EXPRESSION_MARK = /[\s"'()[\]{}<>=!&|?:,*+/%]/;

function protectRules(
  entries: readonly string[],
  rule: MakeRule,
): Pick<Rules, 'protectedIds' | 'protectedAddresses' | 'protectedWhere'> {
  const protectedIds = new Set<string>();
  const protectedAddresses = new Set<string>();
  const protectedWhere: Rule[] = [];
  for (const [index, written] of entries.entries()) {
    const entry = written.trim();
    if (isAddress(entry)) protectedAddresses.add(addressKey(entry));
    else if (entry === '' || EXPRESSION_MARK.test(entry))
      protectedWhere.push(rule(`protect[${index}]`, entry));
    else protectedIds.add(entry);
  }
  return { protectedIds, protectedAddresses, protectedWhere };
}

/** The record fields that the rules read. */
export function fieldsOf(rules: Rules): Set<string> {
  const single = [rules.id, rules.userName, rules.displayName, rules.active, rules.where];
  const all = [...single, ...rules.attributes, ...rules.protectedWhere];
  return new Set(all.flatMap((rule) => (rule === undefined ? [] : [...rule.expression.fields])));
}
