/** Seeds of the random campaign that once found something: always run. */
export const KEPT_SEEDS: readonly number[] = [];
