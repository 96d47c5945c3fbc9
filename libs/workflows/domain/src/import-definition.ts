import type { Omission } from './export-definition.js';
import { type DefinitionFinding, findingsOf, type KnownToTenant, type Publishable } from './workflow.js';

const FINDINGS_MAX = 1_000;

/**
 * What is to be done after a document was taken in, at most 1 000 things. The drawing is kept as it came (B-16): an id that is another
 * tenant's names nothing here, so it is found like any other that is not there, and nothing that runs can resolve it.
 */
export function findingsOfImport(workflow: Publishable, omitted: readonly Omission[], known: KnownToTenant): DefinitionFinding[] {
  return [...omitted.map(findingOf), ...findingsOf(workflow, known)].slice(0, FINDINGS_MAX);
}

const findingOf = ({ path, reason }: Omission): DefinitionFinding => ({
  path,
  code: 'left_out',
  message:
    reason === 'secret'
      ? 'What looked like a secret was left out when the document was made: fill it in, by a credential if there can be one'
      : 'What was named here belongs to the tenant that the document comes from: name one of your own',
  severity: 'warning',
});
