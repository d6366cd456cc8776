/** Finds, reads and checks the configuration: the one way in. Never prints the value of a setting. */
import { dirname, resolve } from 'node:path';
import { SyncError } from '../model/errors.ts';
import { type ReadDocument, readDocument } from './document.ts';
import { type Environment, substitute } from './environment.ts';
import { ConfigError, type Fault, pathText } from './errors.ts';
import type { ExpressionCheck } from './expressions.ts';
import { faultsOf, type PlacedFault } from './faults.ts';
import { filesOf, readText } from './files.ts';
import { type Config, configSchema } from './schema.ts';
import { secretsOf } from './secrets.ts';

/** Where to look. `env` and `cwd` are the process's, handed in. */
interface LoadOptions {
  readonly path?: string;
  readonly env: Environment;
  readonly cwd: string;
  /** Left out: expressions are taken as they are. */
  readonly check?: ExpressionCheck;
}

const MOST_BYTES = 1024 * 1024;
const DEFAULT_FILE = 'config/omni-sync.yaml';
const UNVERIFIED =
  'may not be used while NODE_TLS_REJECT_UNAUTHORIZED=0 is set: anybody could pose as Omni, the directory or Redis; unset it, and name the authority of a private certificate in `ca`';
const EXAMPLE = 'start from config/omni-sync.example.yaml';
const INIT =
  '`omni-sync init` asks what it needs and writes it; config/omni-sync.example.yaml shows every setting';

/**
 * The configuration at `path`, else at OMNI_SYNC_CONFIG, else at config/omni-sync.yaml.
 * @throws ConfigError with every fault at once.
 */
export function loadConfig(options: LoadOptions): Config {
  const file = resolve(options.cwd, options.path ?? (options.env.OMNI_SYNC_CONFIG || DEFAULT_FILE));
  if (options.env.NODE_TLS_REJECT_UNAUTHORIZED === '0')
    throw new ConfigError('config-environment', file, [whole(UNVERIFIED)]);
  const source = sourceOf(file, options);
  const document = readDocument(source.text);
  if (document.tree === undefined) throw new ConfigError('config-invalid', file, document.faults);
  if (document.tree === null) throw new ConfigError('config-invalid', file, [whole(`is empty: ${EXAMPLE}`)]);

  const warnings: string[] = [];
  const filled = substitute(document.tree, options.env);
  const files = filesOf(dirname(file), (warning) => warnings.push(warning));
  const checked = configSchema(files, options.check).safeParse(filled.tree);
  const faults = allFaults(document, filled.faults, checked.success ? [] : faultsOf(checked.error.issues));
  if (!checked.success || faults.length > 0) throw new ConfigError('config-invalid', file, faults);

  const dataDir = checked.data.dataDir ?? resolve(options.cwd, options.env.OMNI_SYNC_DATA || 'data');
  const config = { ...checked.data, file, mark: source.mark, dataDir, warnings };
  if (source.othersMayRead && secretsOf(config).some((secret) => source.text.includes(secret))) {
    warnings.push(`${file} holds a secret and every user of this host may read it: chmod 600 ${file}`);
  }
  return config;
}

function whole(message: string): Fault {
  return { path: '', line: 0, message };
}

function sourceOf(file: string, { path, env }: LoadOptions): ReturnType<typeof readText> {
  try {
    return readText(file, MOST_BYTES);
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    throw new ConfigError(error.code, file, [whole(`${error.message} (${namedBy(path, env)})`)]);
  }
}

function namedBy(path: string | undefined, env: Environment): string {
  if (path !== undefined) return '--config names it';
  return env.OMNI_SYNC_CONFIG ? 'OMNI_SYNC_CONFIG names it' : INIT;
}

/** What the schema says of a text whose variable is missing would be said of the reference: it is left out. */
function allFaults(
  document: ReadDocument,
  unfilled: readonly PlacedFault[],
  refused: readonly PlacedFault[],
): readonly Fault[] {
  const said = new Set(unfilled.map(({ path }) => pathText(path)));
  const rest = refused.filter(({ path }) => !said.has(pathText(path)));
  const placed = [...unfilled, ...rest].map(({ path, message }) => ({
    path: pathText(path),
    line: document.lineOf(path),
    message,
  }));
  return [...document.faults, ...placed];
}
