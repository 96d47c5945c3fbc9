import jsonata from 'jsonata';

import { usedPaths } from './paths.js';
import { scanExpression } from './scan.js';
import { ExpressionFailed } from './scope.js';

/** What this project reads of JSONata's syntax tree, after its own parser has arranged paths into steps. */
export interface SyntaxNode {
  readonly type: string;
  readonly value?: unknown;
  readonly position?: number;
  readonly procedure?: SyntaxNode;
  readonly arguments?: readonly SyntaxNode[];
  readonly expressions?: readonly SyntaxNode[];
  readonly expression?: SyntaxNode;
  readonly expr?: SyntaxNode;
  readonly body?: SyntaxNode;
  readonly pattern?: SyntaxNode;
  readonly update?: SyntaxNode;
  readonly delete?: SyntaxNode;
  readonly condition?: SyntaxNode;
  readonly then?: SyntaxNode;
  readonly else?: SyntaxNode;
  readonly lhs?: SyntaxNode | readonly (SyntaxNode | readonly SyntaxNode[])[];
  readonly rhs?: SyntaxNode;
  readonly steps?: readonly SyntaxNode[];
  readonly stages?: readonly SyntaxNode[];
  readonly predicate?: readonly SyntaxNode[];
  readonly terms?: readonly SyntaxNode[];
  readonly group?: { readonly lhs?: readonly (readonly SyntaxNode[])[] };
  readonly keepArray?: boolean;
  readonly keepSingletonArray?: boolean;
  readonly consarray?: boolean;
  readonly tuple?: boolean;
  readonly focus?: string;
  readonly index?: string;
}

const sourceLengthMax = 16_384;
const expandedLengthMax = 4 * sourceLengthMax;

/** The syntax tree of one expression. It parses in this thread, so what JSONata would copy without end is refused before. */
export function parseExpression(source: string): { tree: SyntaxNode; paths: readonly (readonly string[])[] } {
  const refuse = (message: string): never => {
    throw new ExpressionFailed('expression_syntax', message, source);
  };
  if (source.length > sourceLengthMax) refuse(`The expression is longer than ${sourceLengthMax} characters`);
  if (source.trim() === '') refuse('The expression is empty');

  const { end, closed, expandedLength, hasSignature } = scanExpression(source, 0);
  if (closed) refuse(`Syntax error: }} at character ${end + 1}`);
  if (expandedLength > expandedLengthMax) refuse('`??` and `?:` are nested too deeply');
  if (hasSignature) refuse('Function signatures are not supported: write function($x) { … } without <…>');

  try {
    const tree = jsonata(source).ast();
    return { tree, paths: usedPaths(tree) };
  } catch (error) {
    return refuse(syntaxMessage(error));
  }
}

function syntaxMessage(error: unknown): string {
  if (error instanceof RangeError) return 'The expression is nested too deeply';
  if (typeof error !== 'object' || error === null || !('message' in error)) return 'The expression cannot be parsed';
  const position = 'position' in error && typeof error.position === 'number' ? ` at character ${error.position}` : '';
  return `${String(error.message)}${position}`;
}
