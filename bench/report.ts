/** What a benchmark found, a line of JSON each on standard output; scripts/bench.mjs makes the table of it. */

export interface Figure {
  /** As in `B1`. */
  readonly bench: string;
  readonly what: string;
  readonly figure: string;
  readonly goal?: string;
  /** Absent where there is no goal. */
  readonly met?: boolean;
}

/** Reports a figure. */
export function report(figure: Figure): void {
  process.stdout.write(`${JSON.stringify(figure)}\n`);
}

/** The middle of `values`. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new Error('the median of nothing');
  return middle;
}

/** `1.2 [0.9..1.4]`: the median, the least and the most. */
export function spread(values: readonly number[], digits = 2): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} [${least.toFixed(digits)}..${most.toFixed(digits)}]`;
}

/** The value that `share` (0 to 1) of `values` do not pass. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (at === undefined) throw new Error('a percentile of nothing');
  return at;
}
