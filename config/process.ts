/** The one place that reads the process's environment. */
import type { Environment } from './environment.ts';

/** The environment variables of this process. */
export function processEnvironment(): Environment {
  return process.env;
}
