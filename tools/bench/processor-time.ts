import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second, whatever the kernel's own clock is. */
const ticksPerSecond = 100;

interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly ownTicks: number;
  /** Of children that have ended and were waited for */
  readonly endedChildrenTicks: number;
}

/** Seconds of CPU that a process has used. Undefined where there is no /proc. */
export function cpuSecondsOf(pid: number): number | undefined {
  const stat = statOf(pid);
  return stat === undefined ? undefined : stat.ownTicks / ticksPerSecond;
}

/** The same of a process and its children, also those that have ended: Postgres with its backends. */
export function cpuSecondsWithChildren(pid: number): number | undefined {
  const stat = statOf(pid);
  if (stat === undefined) return undefined;
  const children = readdirSync('/proc').flatMap((name) => {
    const child = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    return child?.parent === pid ? [child] : [];
  });
  return [stat, ...children].reduce((sum, { ownTicks, endedChildrenTicks }) => sum + ownTicks + endedChildrenTicks, 0) / ticksPerSecond;
}

export const parentOf = (pid: number): number | undefined => statOf(pid)?.parent;

function statOf(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // After the command's name, which stands in brackets and may hold spaces: state, parent, … and from the twelfth on the times.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15);
  return { pid, parent: fields[1] ?? 0, ownTicks: user + system, endedChildrenTicks: childrenUser + childrenSystem };
}
