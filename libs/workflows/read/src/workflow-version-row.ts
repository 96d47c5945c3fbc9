import { selectList } from '@sluice/platform-projections';
import { type WorkflowVersion, workflowVersion } from './workflow-version.projection.js';

const listed = [
  'id',
  'workflowId',
  'version',
  'revision',
  'fromVersion',
  'publishedBy',
  'publishedAt',
] as const satisfies readonly (keyof WorkflowVersion)[];

/** All but the graph, which may be large. Archived workflows have no version that is live. */
export const versionColumns = [
  selectList(workflowVersion, 'v', [...listed]),
  `(s.status = 'published' AND s.version = v.version) AS live`,
  'jsonb_array_length(v.nodes) AS "nodeCount"',
].join(', ');

export const versionTables = 'workflow_version v JOIN workflow_summary s ON s.tenant_id = v.tenant_id AND s.id = v.workflow_id';
