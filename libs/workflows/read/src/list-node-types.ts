import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { NodeExampleQuery, NodeTypeList, NodeTypeQuery } from '@sluice/contracts';
import { allCases, catalogue, type NodeType } from '@sluice/nodes';

export class ListNodeTypes extends Query<NodeTypeList> {}

/** The catalogue is part of the build, the same for every tenant. */
@QueryHandler(ListNodeTypes)
export class ListNodeTypesHandler implements IQueryHandler<ListNodeTypes> {
  execute(): Promise<NodeTypeList> {
    return Promise.resolve({ items: [...catalogue.values()].map(describe) });
  }
}

const describe = (nodeType: NodeType): NodeTypeQuery => ({
  type: nodeType.type,
  title: nodeType.title,
  description: nodeType.description,
  kind: nodeType.kind,
  configSchema: nodeType.configSchema,
  handles: nodeType.handles({}),
  ...(nodeType.loop !== undefined && { loop: true }),
  examples: examplesOf(nodeType.type),
  ...(nodeType.kind === 'effect' && { effect: nodeType.effect }),
  ...(nodeType.policy !== undefined && { policy: nodeType.policy }),
});

/** Those that succeed: what fails is for the docs, not to copy from. */
const examplesOf = (type: string): NodeExampleQuery[] =>
  (allCases.get(type) ?? []).flatMap(({ says, config, gives }) => ('fails' in gives || 'refused' in gives ? [] : [{ says, config }]));
