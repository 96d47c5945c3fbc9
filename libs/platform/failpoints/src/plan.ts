import { type FailpointName, failpointNames } from './names.js';

export type FailpointAction =
  | { readonly type: 'kill9' | 'exit1' | 'hang' | 'stop' }
  | { readonly type: 'sleep' | 'block'; readonly ms: number }
  | { readonly type: 'throw'; readonly code: string };

export interface Failpoint {
  readonly name: FailpointName;
  readonly action: FailpointAction;
  /** It acts at this passage alone, the first being 1; undefined: at each. */
  readonly at: number | undefined;
}

/**
 * Reads `FAILPOINTS`: `<name>:<action>[:<passage>]`, comma separated; `wrk.after_send:kill9:3,gw.before_commit:sleep=5000`. Actions: `kill9`,
 * `exit1`, `hang`, `stop` (SIGSTOP), `block=<ms>` of the event loop, `sleep=<ms>`, `throw=<code>`. Throws a sentence for anything else.
 */
export function failpointsIn(text: string): Failpoint[] {
  return text
    .split(',')
    .filter((entry) => entry.trim() !== '')
    .map((entry) => {
      const [name = '', action = '', passage] = entry.trim().split(':');
      const known = failpointNames.find((candidate) => candidate === name);
      if (known === undefined) throw new Error(`FAILPOINTS: there is no "${name}". There are ${failpointNames.join(', ')}.`);
      const at = passage === undefined ? undefined : Number(passage);
      if (at !== undefined && !(Number.isInteger(at) && at > 0))
        throw new Error(`FAILPOINTS: "${passage}" in "${entry}" is not a passage (1, 2, 3 …).`);
      return { name: known, action: actionOf(action, entry), at };
    });
}

function actionOf(text: string, entry: string): FailpointAction {
  const [type = '', argument = ''] = text.split('=');
  if (type === 'kill9' || type === 'exit1' || type === 'hang' || type === 'stop') return { type };
  const ms = Number(argument);
  if ((type === 'sleep' || type === 'block') && argument !== '' && ms >= 0) return { type, ms };
  if (type === 'throw' && argument !== '') return { type, code: argument };
  throw new Error(`FAILPOINTS: "${text}" in "${entry}" is not kill9, exit1, hang, stop, block=<ms>, sleep=<ms> or throw=<code>.`);
}
