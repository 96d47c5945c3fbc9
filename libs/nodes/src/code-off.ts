import type { Graph } from '@sluice/engine';
import { codeJavascript } from './code-javascript.js';
import { NodeFailure } from './node-type.js';

const message = 'Code nodes are switched off here: do it with expressions, or ask the operator for CODE_NODES=on';

/** Where code is switched off: every node of a graph that would run some. */
export const codeNodesIn = (graph: Graph) =>
  graph.nodes.flatMap(({ type }, index) =>
    type === codeJavascript.type ? [{ path: `nodes[${index}].type`, code: 'code_off' as const, message }] : [],
  );

/** Where code is switched off: what `runCode` throws, for versions published before. */
export const codeIsOff = (): NodeFailure => new NodeFailure('code_off', message, { retryable: false });
