import { parse } from 'acorn';

/**
 * What is wrong with the body of an async function in strict mode, and where; `undefined`: nothing. Lines and columns count from 1. The
 * source is read, never run.
 */
export function syntaxErrorIn(source: string): string | undefined {
  try {
    parse(`'use strict';\n${source}`, {
      ecmaVersion: 2024,
      allowReturnOutsideFunction: true,
      allowAwaitOutsideFunction: true,
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const { line, column } = placeOf(error);
    return `line ${line - 1}, column ${column + 1}: ${error.message.replace(/ \(\d+:\d+\)$/, '')}`;
  }
}

/** Acorn's errors say where they are, though their type does not. */
function placeOf(error: SyntaxError): { readonly line: number; readonly column: number } {
  const [, line = '2', column = '0'] = /\((\d+):(\d+)\)$/.exec(error.message) ?? [];
  return { line: Number(line), column: Number(column) };
}
