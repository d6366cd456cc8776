/** Loaded into a program that is measured (`node --import`): notes at its end what it used, in the file that BENCH_USAGE names. */
import { writeFileSync } from 'node:fs';

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const used = { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMiB: maxRSS / 1024 };
  const file = process.env.BENCH_USAGE;
  if (file !== undefined) writeFileSync(file, JSON.stringify(used));
});
