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

/** One expression that is wrong, or an attribute that cannot be. */
export interface MappingFault {
  /** Where in the mapping: `['attributes', 'region']`, `['protect', 0]`. */
  readonly path: readonly (string | number)[];
  readonly code: string;
  /** What is wrong and how to mend it, without the place. */
  readonly message: string;
}

/**
 * Compiles the rules of a mapping.
 * @throws SyncError `config`, with the code of the first fault and a line for each: `attributes.region: …`.
 */
export function compileRules(options: MappingOptions): Rules {
  const { rules, faults } = compileAll(options);
  const [first] = faults;
  if (first === undefined) return rules;
  const lines = faults.map(({ path, message }) => `${placeText(path)}: ${message}`);
  throw new SyncError('config', first.code, lines.join('\n'));
}

/** Everything that is wrong in a mapping; what it lacks is no fault here. */
export function mappingFaults(options: Partial<MappingOptions>): readonly MappingFault[] {
  return compileAll(options).faults;
}

function compileAll(options: Partial<MappingOptions>): { rules: Rules; faults: readonly MappingFault[] } {
  const faults: MappingFault[] = [];
  const rule = (path: MappingFault['path'], source: string | undefined): Rule => ({
    place: placeText(path),
    expression: source === undefined ? NOTHING : compileAt(path, source, faults),
  });
  const optional = (place: 'active' | 'where'): Rule | undefined =>
    options[place] === undefined ? undefined : rule([place], options[place]);
  const rules: Rules = {
    id: rule(['id'], options.id),
    userName: rule(['userName'], options.userName),
    displayName: rule(['displayName'], options.displayName),
    active: optional('active'),
    where: optional('where'),
    attributes: attributeRules(options, rule, faults),
    ...protectRules(options.protect ?? [], rule),
  };
  return { rules, faults };
}

/** `attributes.region`, `protect[0]`. */
function placeText([first, ...more]: MappingFault['path']): string {
  return `${first}${more.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')}`;
}

const NOTHING: Expression = { source: '', fields: new Set(), evaluate: () => null };

function compileAt(path: MappingFault['path'], source: string, faults: MappingFault[]): Expression {
  try {
    return compileExpression(source);
  } catch (error) {
    if (!isSyncError(error)) throw error;
    faults.push({ path, code: error.code, message: error.message });
    return NOTHING;
  }
}

/** The same error, told under the place of the expression in the configuration. */
export function prefixed(place: string, error: SyncError): SyncError {
  return new SyncError(error.kind, error.code, `${place}: ${error.message}`);
}

type MakeRule = (path: MappingFault['path'], source: string) => Rule;

function attributeRules(
  options: Partial<MappingOptions>,
  rule: MakeRule,
  faults: MappingFault[],
): AttributeRule[] {
  const attributes = Object.entries(options.attributes ?? {}).sort(([left], [right]) =>
    left < right ? -1 : 1,
  );
  return attributes.map(([name, attribute]) => {
    const path = ['attributes', name];
    if (name === '' || isForbiddenName(name)) {
      const message = 'this cannot be the reference of an Omni attribute.';
      faults.push({ path, code: 'mapping.forbidden-name', message });
    }
    if (typeof attribute === 'string') return { ...rule(path, attribute), name, keep: false };
    return { ...rule(path, attribute.value), name, keep: attribute.keep === true };
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
      protectedWhere.push(rule(['protect', index], entry));
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
