import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FailpointName } from './names.js';
import { type FailpointAction, failpointsIn } from './plan.js';

export const failpointsAreArmed: boolean = true;

const plan = failpointsIn(process.env['FAILPOINTS'] ?? '');
const passages = new Map<FailpointName, number>();

/** As in `index.ts`, and does what `FAILPOINTS` says. What it does stands on stderr before it is done. */
export function failpoint(name: FailpointName): Promise<void> | undefined {
  const passage = (passages.get(name) ?? 0) + 1;
  passages.set(name, passage);
  const due = plan.find((one) => one.name === name && (one.at === undefined || one.at === passage));
  return due === undefined ? undefined : act(name, passage, due.action);
}

function act(name: FailpointName, passage: number, action: FailpointAction): Promise<void> {
  writeSync(2, `failpoint ${name} ${action.type} at passage ${passage}\n`);
  switch (action.type) {
    case 'kill9':
      process.kill(process.pid, 'SIGKILL');
      return new Promise(() => {});
    case 'exit1':
      process.exit(1);
    // eslint-disable-next-line no-fallthrough -- exit does not return
    case 'hang':
      return new Promise(() => {});
    case 'stop':
      process.kill(process.pid, 'SIGSTOP');
      return Promise.resolve();
    case 'block':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, action.ms);
      return Promise.resolve();
    case 'sleep':
      return sleep(action.ms);
    case 'throw':
      return Promise.reject(Object.assign(new Error(`failpoint ${name}`), { code: action.code }));
  }
}
