/** The vendor's OpenAPI document, where it lies beside the repository; judges answers and requests by it. */
import { existsSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

const FILE = new URL('../../../shared/omni/openapi.json', import.meta.url);

export const present = existsSync(FILE);

/** How a test names it, and says why it is skipped. */
export const title = present
  ? 'the vendor’s document'
  : 'the vendor’s document (skipped: ../shared/omni/openapi.json is absent)';

interface VendorDocument {
  readonly paths: Record<
    string,
    Record<string, { readonly responses: Record<string, { content?: unknown }> }>
  >;
}

export const document: VendorDocument = present ? JSON.parse(readFileSync(FILE, 'utf8')) : { paths: {} };

const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
if (present) ajv.addSchema(document, 'vendor');

/** What is wrong with `value` by the schema at that place of the document; undefined: nothing. */
export function wrongBy(place: readonly string[], value: unknown): string | undefined {
  const pointer = place.map((part) => encodeURIComponent(part.replaceAll('/', '~1'))).join('/');
  const reference = `vendor#/${pointer}`;
  const validate = ajv.getSchema(reference) ?? ajv.compile({ $ref: reference });
  return validate(value) === true ? undefined : ajv.errorsText(validate.errors);
}
