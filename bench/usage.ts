/** Loaded into a program that is measured (`node --import`): notes at its end what it used, in the file that BENCH_USAGE names. */
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * The most memory that this program held, in MiB. Linux's getrusage (`maxRSS`) begins with what the process that
 * started it had; its memory map does not.
 */
function peakMiB(): number {
  const [, kib] = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kib) / 1024;
}

process.on('exit', () => {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const used = { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMiB: peakMiB() };
  const file = process.env.BENCH_USAGE;
  if (file !== undefined) writeFileSync(file, JSON.stringify(used));
});
