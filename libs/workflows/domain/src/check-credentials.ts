import type { Graph } from '@sluice/engine';
import { type InputError, isUuid } from '@sluice/kernel';

interface NamedCredential {
  readonly path: string;
  readonly credentialId: string;
}

/** The credentials that nodes name; what is no id is found by the node's schema. */
export const credentialsNamedIn = ({ nodes }: Graph): NamedCredential[] =>
  nodes.flatMap(({ type, config: { credential } }, index) =>
    type === 'http.request' && isUuid(credential)
      ? [{ path: `nodes[${index}].config.credential`, credentialId: credential.toLowerCase() }]
      : [],
  );

/** Credentials that the tenant does not have. `known`: the ids of those that it has. */
export function checkCredentials(graph: Graph, known: readonly string[]): InputError[] {
  return credentialsNamedIn(graph)
    .filter(({ credentialId }) => !known.includes(credentialId))
    .map(({ path, credentialId }) => ({ path, code: 'unknown_credential', message: `There is no credential ${credentialId}` }));
}
