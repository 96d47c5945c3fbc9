import { type IQueryHandler, Query, QueryHandler } from '@nestjs/cqrs';
import type { NodeTypeList, NodeTypeQuery } from '@sluice/contracts';
import { catalogue, type NodeType } from '@sluice/nodes';

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
  ...(nodeType.kind === 'effect' && { effect: nodeType.effect }),
  ...(nodeType.policy !== undefined && { policy: nodeType.policy }),
});
