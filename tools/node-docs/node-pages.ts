import { allCases, catalogue, compileWorkflow, type NodeType } from '@sluice/nodes';
import { indexPage } from './index-page.ts';
import { nodePage, type Policy } from './node-page.ts';

/** Every file under docs/nodes that follows from the catalogue and its cases: by its path from the root, its text. */
export async function nodePages(): Promise<ReadonlyMap<string, string>> {
  const types = [...catalogue.values()];
  const pages = types.map(async (type) => {
    const text = await nodePage({ type, cases: allCases.get(type.type) ?? [], policy: policyOf(type) });
    return [`docs/nodes/${type.type}.md`, text] as const;
  });
  return new Map([['docs/nodes/README.md', indexPage(types)] as const, ...(await Promise.all(pages))]);
}

/** What applies to a node of which the author says nothing. */
function policyOf({ type }: NodeType): Policy {
  const compiled = compileWorkflow({ nodes: [{ id: 'it', type, config: {} }], edges: [] }).nodes.get('it');
  if (!compiled) throw new Error(`${type} was not compiled.`);
  return compiled.policy;
}
