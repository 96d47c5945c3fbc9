/** What stands in the way of publishing or may be meant otherwise: where, and what to do about it. */
export interface Finding {
  /** Like `nodes[3].config.cases[0].when`, `edges[2].target` or `settings.deadlineMs` */
  readonly path: string;
  readonly code: FindingCode;
  readonly message: string;
  /** `error` without it. A warning keeps nothing from being published. */
  readonly severity?: 'error' | 'warning';
}

export type FindingCode =
  | 'too_large'
  | 'invalid_node_id'
  | 'duplicate_node_id'
  | 'unknown_node_type'
  | 'invalid_config'
  | 'invalid_handle'
  | 'invalid_expression'
  | 'unknown_node_reference'
  | 'unknown_reference'
  | 'node_not_before'
  | 'unknown_variable'
  | 'unknown_field'
  | 'invalid_policy'
  | 'no_trigger'
  | 'unreachable_node'
  | 'unreachable_handle'
  | 'cycle'
  | 'self_edge'
  | 'dangling_edge'
  | 'duplicate_edge'
  | 'unknown_handle'
  | 'edge_into_trigger'
  | 'error_branch_missing'
  | 'effect_unverifiable'
  | 'join_impossible'
  | 'loop_empty'
  | 'loop_entered'
  | 'loop_left'
  | 'loop_too_deep'
  | 'invalid_settings';

/** `config` and `cases[0].when` as one path. */
export const under = (path: string, inner: string): string =>
  inner === '' || inner.startsWith('[') ? `${path}${inner}` : `${path}.${inner}`;
