import type { Json, JsonObject } from '@sluice/kernel';

/** What an expression can see. A type and not an interface: that makes it a JSON document to the evaluators. */
export type Scope = {
  readonly trigger: Json;
  readonly input: Json;
  readonly nodes: Readonly<Record<string, { readonly output: Json }>>;
  readonly execution: JsonObject;
  readonly workflow: JsonObject;
  readonly customer: JsonObject;
  readonly env: JsonObject;
  /** In the body of a loop: the item, and its place from 0 */
  readonly item?: Json;
  readonly index?: number;
  /** In a condition about an event that may come */
  readonly event?: Json;
  /** Links to approvals, by node id */
  readonly approvals?: JsonObject;
};

/** Evaluates one JSONata source outside this thread, with time, stack and size limits. Rejects with ExpressionFailed. */
export type SlowEvaluator = (source: string, scope: Scope) => Promise<Json | undefined>;

/** An expression or a template that did not evaluate. Another attempt would not mend it. */
export class ExpressionFailed extends Error {
  constructor(
    readonly code: 'expression_syntax' | 'expression_type' | 'expression_timeout' | 'expression_too_large' | 'expression_failed',
    message: string,
    readonly source: string,
  ) {
    super(message);
    this.name = 'ExpressionFailed';
  }
}
