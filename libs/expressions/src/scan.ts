/** What lies between a position and the end of the expression that begins there. */
export interface Scanned {
  /** Of the `}}` that ends it, else of the text's end */
  readonly end: number;
  readonly closed: boolean;
  /** An upper bound of the characters whose syntax tree JSONata builds: `??` and `?:` copy their left side, so nesting doubles it. */
  readonly expandedLength: number;
  /** `function($x)<n:n>{…}`: what may stand in a signature has no grammar, so it cannot be scanned. */
  readonly hasSignature: boolean;
}

interface Group {
  readonly opener: string;
  readonly isParameterList: boolean;
  /** Length left of the last `??`, `,` or `;`, and since then */
  done: number;
  current: number;
}

const longOperators = new Set(['..', ':=', '!=', '>=', '<=', '**', '~>', '?:', '??']);
const operators = new Set('.[]{}(),@#;:?+-*/%|=<>^&!~');
/** Operators that in an operand's place are one: wildcards, the parent, the placeholder of a partial application. */
const standIns = new Set(['*', '**', '%', '?']);
const wordOperators = new Set(['and', 'or', 'in']);
const whitespace = new Set(' \t\n\r\v');
const lambdaNames = new Set(['function', '`function`', 'λ', '`λ`']);
const openers = new Map([
  [')', '('],
  [']', '['],
  ['}', '{'],
]);
const number = /(0|[1-9][0-9]*)(\.[0-9]+)?([Ee][-+]?[0-9]+)?/y;

/**
 * Follows JSONata's own tokenizer, so that `}}` within a string, a quoted name, a comment, a regular expression or a nested
 * object does not end an expression. Where an operand must follow, `/` begins a regular expression; elsewhere it divides.
 */
export function scanExpression(text: string, start: number): Scanned {
  const outermost: Group = { opener: '', isParameterList: false, done: 0, current: 0 };
  const groups: Group[] = [outermost];
  let group = outermost;
  let operandFollows = true;
  let previous = '';
  let afterParameters = false;
  let hasSignature = false;
  let position = start;

  const scanned = (closed: boolean): Scanned => ({
    end: Math.min(position, text.length),
    closed,
    expandedLength: groups.reduce((length, { done, current }) => length + done + current, 0),
    hasSignature,
  });

  while (position < text.length) {
    const character = text.charAt(position);
    if (whitespace.has(character)) {
      position++;
      continue;
    }
    if (text.startsWith('/*', position)) {
      const end = text.indexOf('*/', position + 2);
      position = end === -1 ? text.length : end + 2;
      continue;
    }
    if (group.opener !== '{' && text.startsWith('}}', position)) return scanned(true);

    const end = tokenEnd(text, position, operandFollows);
    const token = text.slice(position, end);
    group.current += token.length;
    if (afterParameters && token === '<') hasSignature = true;
    afterParameters = false;

    if (token === '(' || token === '[' || token === '{') {
      const isParameterList = token === '(' && lambdaNames.has(previous);
      group = { opener: token, isParameterList, done: 0, current: 0 };
      groups.push(group);
      operandFollows = true;
    } else if (openers.has(token)) {
      if (groups.length > 1 && group.opener === openers.get(token)) {
        const { done, current, isParameterList } = group;
        groups.pop();
        group = groups.at(-1) ?? outermost;
        group.current += done + current;
        afterParameters = isParameterList;
      }
      operandFollows = false;
    } else if (token === '??' || token === '?:') {
      group.done += 2 * group.current;
      group.current = 0;
      operandFollows = true;
    } else if (token === ',' || token === ';') {
      group.done += group.current;
      group.current = 0;
      operandFollows = true;
    } else if (operandFollows && standIns.has(token)) {
      operandFollows = false;
    } else if (longOperators.has(token) || operators.has(token)) {
      operandFollows = true;
    } else {
      operandFollows = !operandFollows && wordOperators.has(token);
    }
    previous = token;
    position = end;
  }
  return scanned(false);
}

function tokenEnd(text: string, position: number, operandFollows: boolean): number {
  const character = text.charAt(position);
  if (character === '/' && operandFollows) return regexEnd(text, position + 1);
  if (longOperators.has(text.slice(position, position + 2))) return position + 2;
  if (operators.has(character)) return position + 1;
  if (character === '"' || character === "'") return stringEnd(text, position + 1, character);
  if (character === '`') {
    const end = text.indexOf('`', position + 1);
    return end === -1 ? text.length : end + 1;
  }
  number.lastIndex = position;
  if (number.test(text)) return number.lastIndex;

  let end = position + 1;
  while (end < text.length && !whitespace.has(text.charAt(end)) && !operators.has(text.charAt(end))) end++;
  return end;
}

function stringEnd(text: string, start: number, quote: string): number {
  for (let position = start; position < text.length; position++) {
    const character = text.charAt(position);
    if (character === '\\') position++;
    else if (character === quote) return position + 1;
  }
  return text.length;
}

/** As JSONata reads it: up to a slash outside brackets with an even number of backslashes before it. */
function regexEnd(text: string, start: number): number {
  let depth = 0;
  let backslashes = 0;
  for (let position = start; position < text.length; position++) {
    const character = text.charAt(position);
    if (character === '/' && depth === 0 && backslashes % 2 === 0) {
      let end = position + 1;
      while (text.charAt(end) === 'i' || text.charAt(end) === 'm') end++;
      return end;
    }
    if (backslashes === 0 && '([{'.includes(character)) depth++;
    if (backslashes === 0 && ')]}'.includes(character)) depth--;
    backslashes = character === '\\' ? backslashes + 1 : 0;
  }
  return text.length;
}
