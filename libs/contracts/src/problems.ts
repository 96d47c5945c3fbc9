export interface ProblemEntry {
  readonly status: number;
  readonly title: string;
  /** An example of the answer's `detail`, or its only wording. */
  readonly detail: string;
  /** For whoever gets it. */
  readonly remedy: string;
  /** The operations that answer it for a reason of their own; what follows from credentials, bodies and paths is not listed. */
  readonly at?: readonly string[];
}

const id = '01a20957-91ab-7c30-8f5e-3d2b4c0a9f3e';
const checkId = 'Check the id, and that the credential is of the tenant it belongs to; another tenant’s thing is not there.';
const later = 'Try again after `Retry-After` seconds, a command with the same `Idempotency-Key`.';

const notFound = (title: string, detail: string, at?: readonly string[]): ProblemEntry => ({
  status: 404,
  title,
  detail,
  remedy: checkId,
  at,
});

/**
 * Every problem type that an answer can have, by its code. The OpenAPI documents and docs/errors.md are made of it; a test holds it
 * against the errors in the sources.
 */
export const problemCatalogue = {
  // The request as such
  malformed_request: {
    status: 400,
    title: 'Malformed request',
    detail: 'Validation failed (uuid is expected)',
    remedy: 'Correct the request: an id in the path is a UUID.',
  },
  malformed_address: {
    status: 400,
    title: 'Address is malformed',
    detail: 'The address holds a NUL character.',
    remedy: 'Correct the address.',
  },
  malformed_body: {
    status: 400,
    title: 'Body is malformed',
    detail: 'The body is not acceptable JSON.',
    remedy: 'Send UTF-8 JSON, at most 64 levels deep, without NUL characters.',
  },
  input_is_invalid: {
    status: 400,
    title: 'Input is invalid',
    detail: 'name: name must not be blank',
    remedy: 'Correct what `errors` names; it lists every fault by its path.',
  },
  if_match_is_malformed: {
    status: 400,
    title: 'If match is malformed',
    detail: 'If-Match must be a revision as given in ETag, for example "3".',
    remedy: 'Send the `ETag` as it was answered.',
  },
  idempotency_key_is_malformed: {
    status: 400,
    title: 'Idempotency key is malformed',
    detail: 'Idempotency-Key must be given once, as 1 to 255 printable ASCII characters.',
    remedy: 'Send one key, for example a UUID.',
  },
  log_position_is_malformed: {
    status: 400,
    title: 'Log position is malformed',
    detail: 'X-Min-Log-Position must be a position, as commands answer it in X-Log-Position.',
    remedy: 'Send the `X-Log-Position` of a command as it was answered.',
  },
  credential_is_missing: {
    status: 401,
    title: 'Credential is missing',
    detail: 'Send `Authorization: Bearer <API key or JWT>`.',
    remedy: 'Send a credential.',
  },
  credential_is_invalid: {
    status: 401,
    title: 'Credential is invalid',
    detail: 'This API key or token is unknown, expired or revoked.',
    remedy: 'Get a new key or token; do not retry with this one.',
  },
  cursor_is_invalid: {
    status: 400,
    title: 'Cursor is invalid',
    detail: 'The cursor is not one that this list, asked with these filters, gave.',
    remedy: 'Begin the list again, without `cursor`.',
  },
  unauthenticated: { status: 401, title: 'Unauthenticated', detail: 'Unauthorized', remedy: 'Send a credential.' },
  role_is_insufficient: {
    status: 403,
    title: 'Role is insufficient',
    detail: 'This call needs the role editor; the credential has viewer.',
    remedy: 'Use a credential with the named role, or a higher one.',
  },
  token_names_no_tenant: {
    status: 403,
    title: 'Token names no tenant',
    detail: 'This token is genuine, but names no tenant of this installation (JWT_TENANT_CLAIM).',
    remedy: 'Give the user the claim where tokens are issued.',
  },
  token_names_no_role: {
    status: 403,
    title: 'Token names no role',
    detail: 'This token is genuine, but its role (JWT_ROLE_CLAIM) is not viewer, editor, operator or admin.',
    remedy: 'Give the user the claim where tokens are issued.',
  },
  route_is_closed: {
    status: 403,
    title: 'Domain error',
    detail: 'This route is not open to anybody.',
    remedy: 'None: a fault of Sluice, please report it.',
  },
  forbidden: { status: 403, title: 'Forbidden', detail: 'Forbidden resource', remedy: 'Use a credential that may.' },
  tenant_is_required: {
    status: 400,
    title: 'Tenant is required',
    detail: 'A platform key acts for a tenant: name it once, as `tenantId` in the query or the body.',
    remedy: 'Add `tenantId`.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    detail: 'Cannot GET /api/nothing',
    remedy: 'Check method and path; GET belongs to the query API, everything else to the command API.',
  },
  method_not_allowed: { status: 405, title: 'Method not allowed', detail: 'Method not allowed', remedy: 'Check the method.' },
  request_timeout: { status: 408, title: 'Request timeout', detail: 'Request timeout', remedy: 'Send the request faster.' },
  conflict: { status: 409, title: 'Conflict', detail: 'Conflict', remedy: 'Read the thing again, then decide.' },
  command_is_running: {
    status: 409,
    title: 'Command is running',
    detail: 'The first request with this Idempotency-Key is still being carried out; try again.',
    remedy: later,
  },
  precondition_failed: {
    status: 412,
    title: 'Precondition failed',
    detail: 'Precondition failed',
    remedy: 'Read the thing again, then decide.',
  },
  body_too_large: {
    status: 413,
    title: 'Body too large',
    detail: 'Request body is too large',
    remedy: 'Send less: a body has at most 1 MiB, a webhook delivery as much as its provider sends (docs/providers).',
  },
  path_too_long: {
    status: 414,
    title: 'Path too long',
    detail: 'Path too long',
    remedy: 'Shorten the address: a part of the path has at most 512 characters.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    detail: 'The body must be application/json in UTF-8, not compressed.',
    remedy: 'Send `Content-Type: application/json`, uncompressed.',
  },
  invalid: { status: 422, title: 'Invalid', detail: 'Unprocessable', remedy: 'Correct the request.' },
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency key is reused',
    detail: 'This Idempotency-Key was used for another request. A new request needs a new key.',
    remedy: 'Send a new key with a new request, the same key only with the same request.',
  },
  too_many_requests: { status: 429, title: 'Too many requests', detail: 'Too many requests', remedy: later },
  requests_too_many: {
    status: 429,
    title: 'Requests are too many',
    detail: 'One credential may make 60000 requests a minute.',
    remedy: `${later} The operator sets the number (API_REQUESTS_PER_MINUTE).`,
  },
  too_much_in_flight: {
    status: 429,
    title: 'Too much in flight',
    detail: 'More requests are under way here than fit. Try again.',
    remedy: later,
  },
  internal_error: {
    status: 500,
    title: 'Internal error',
    detail: 'Something went wrong on our side.',
    remedy: 'Report it with its `correlationId`. A command may be retried with the same `Idempotency-Key`.',
  },
  unavailable: { status: 503, title: 'Unavailable', detail: 'Unavailable', remedy: later },
  store_unavailable: {
    status: 503,
    title: 'Store is unavailable',
    detail: 'A store that this call needs cannot be reached; try again.',
    remedy: later,
  },
  query_too_slow: {
    status: 503,
    title: 'Query is too slow',
    detail: 'The query took longer than a query may, and was ended.',
    remedy: 'Ask for less: a shorter period, no `search`, `cursor` instead of a high `page`.',
  },
  queries_too_many: {
    status: 429,
    title: 'Queries are too many',
    detail: 'This tenant asks more queries at once than are answered.',
    remedy: 'Ask fewer at once; try again after `Retry-After` seconds.',
  },
  overloaded: {
    status: 503,
    title: 'Overloaded',
    detail: 'Too much is waiting to be written.',
    remedy: later,
    at: ['gateway.deliver', 'workflows.trigger', 'executions.rerun', 'executions.bulk'],
  },

  // Tenants and keys
  tenant_not_found: notFound('Tenant not found', `There is no tenant ${id}.`, ['tenants.setQuotas', 'tenants.setEnv']),
  api_key_not_found: notFound('Api key not found', `There is no API key ${id}.`),
  expiry_is_past: {
    status: 400,
    title: 'Expiry is past',
    detail: 'expiresAt must lie in the future.',
    remedy: 'Give a time to come.',
    at: ['apiKeys.create'],
  },

  // Channels
  channel_not_found: notFound('Channel not found', `There is no channel ${id}.`, ['webhooks.create', 'webhookEvents.replayMany']),
  provider_app_not_found: notFound('Provider app not found', `There is no provider app ${id}.`),
  provider_is_unknown: {
    status: 400,
    title: 'Provider is unknown',
    detail: 'There is no provider "nobody".',
    remedy: 'Name a provider that Sluice has.',
    at: ['channels.create', 'webhooks.create'],
  },
  channel_is_invalid: {
    status: 400,
    title: 'Channel is invalid',
    detail: 'config.header: It must name the header that holds the signature.',
    remedy: 'Correct what `errors` names; it lists every fault by its path.',
    at: ['channels.create', 'channels.setCredentials'],
  },
  channel_holds_events: {
    status: 409,
    title: 'Channel holds events',
    detail: `The channel ${id} holds 2 events that have not begun. Release it, and delete it after that.`,
    remedy: 'Release the channel, and delete it once its events have begun. If they are to start nothing, deactivate its webhooks first.',
    at: ['channels.delete'],
  },
  channel_test_unanswered: {
    status: 503,
    title: 'Channel test unanswered',
    detail: 'No worker had tried the connection within 15 s.',
    remedy: 'See that a worker runs, and try again after `Retry-After` seconds.',
    at: ['channels.test'],
  },

  credential_not_found: notFound('Credential not found', `There is no credential ${id}.`),
  allowed_host_is_invalid: {
    status: 400,
    title: 'Allowed host is invalid',
    detail: 'An allowed host must be a host or host:port, without a scheme, a path or a wildcard.',
    remedy: 'Correct the host that `errors` names: `api.example.com`, or with a port `api.example.com:8443`.',
    at: ['credentials.create'],
  },

  // Workflows
  workflow_not_found: notFound('Workflow not found', `There is no workflow ${id}.`, [
    'webhooks.create',
    'webhookEvents.replay',
    'webhookEvents.replayMany',
    'nodes.executions',
  ]),
  workflow_version_not_found: notFound('Workflow version not found', `The workflow ${id} has no version 3.`, [
    'workflows.rollback',
    'workflows.moveRuns',
    'workflows.version',
    'workflows.diff',
    'workflows.export',
  ]),
  version_is_malformed: {
    status: 400,
    title: 'Version is malformed',
    detail: 'A version is a whole number from 1.',
    remedy: 'Correct the version in the path.',
    at: ['workflows.version'],
  },
  workflow_is_archived: {
    status: 409,
    title: 'Workflow is archived',
    detail: `The workflow ${id} is archived.`,
    remedy: 'None: an archived workflow stays as it is. Create a new one.',
    at: ['workflows.update', 'workflows.delete', 'workflows.publish', 'workflows.rollback', 'workflows.backtest', 'webhooks.create'],
  },
  revision_is_stale: {
    status: 412,
    title: 'Revision is stale',
    detail: 'The workflow is at revision 4, not 3.',
    remedy: 'Read the workflow again, apply the change to that revision and send it with its `ETag`.',
  },
  workflow_not_publishable: {
    status: 422,
    title: 'Workflow not publishable',
    detail: '2 findings in the way of publishing.',
    remedy: 'Mend every finding in `errors`; `workflows.validate` lists them without publishing.',
    at: ['workflows.publish', 'workflows.rollback', 'workflows.backtest'],
  },
  graph_is_broken: {
    status: 422,
    title: 'Graph is broken',
    detail: 'The edge from "a" leads to "b", which is no node.',
    remedy:
      'Mend the graph. A run that follows such a version goes on when a release of Sluice that knows it runs; else rerun it on the newest.',
    at: ['workflows.publish', 'executions.retry', 'deadLetters.retry'],
  },

  // Runs
  execution_not_found: notFound('Execution not found', `There is no execution ${id}.`),
  blob_not_found: notFound('Value not found', `There is no value with the hash ${'0'.repeat(64)}.`, ['blobs.get']),
  job_not_found: notFound('Job not found', `There is no node run or execution ${id}.`, ['jobs.get']),
  execution_is_over: {
    status: 409,
    title: 'Execution is over',
    detail: `The execution ${id} is over: completed.`,
    remedy: 'None: it has ended.',
    at: ['executions.cancel', 'executions.pause', 'executions.resume', 'executions.resolve'],
  },
  execution_is_paused: {
    status: 409,
    title: 'Execution is paused',
    detail: `The execution ${id} is paused already. Resume it to let it go on.`,
    remedy: 'None, or resume it.',
    at: ['executions.pause'],
  },
  execution_is_not_paused: {
    status: 409,
    title: 'Execution is not paused',
    detail: `The execution ${id} is running, not paused: there is nothing to resume.`,
    remedy: 'None: it goes on by itself.',
    at: ['executions.resume'],
  },
  execution_has_not_failed: {
    status: 409,
    title: 'Execution has not failed',
    detail: `The execution ${id} is completed; only a failed one is retried. Rerun it to begin anew.`,
    remedy: 'Rerun it, or wait for its end.',
    at: ['executions.retry', 'deadLetters.retry'],
  },
  nothing_to_retry: {
    status: 409,
    title: 'Nothing to retry',
    detail: `No node of the execution ${id} failed or was under way when it ended. Rerun it to begin anew.`,
    remedy: 'Rerun it.',
    at: ['executions.retry', 'deadLetters.retry'],
  },
  node_has_not_failed: {
    status: 409,
    title: 'Node has not failed',
    detail: `In the execution ${id} the node "lookup" has not failed. Name a node that failed, or none: all that failed is retried.`,
    remedy: 'Name a node that failed, with its iteration in a loop; or none.',
    at: ['executions.retry'],
  },
  limit_is_used_up: {
    status: 409,
    title: 'Limit is used up',
    detail: `The execution ${id} cannot go on: The run is over its limit of 10000 node runs. Publish higher limits and rerun it.`,
    remedy: 'Publish a version with higher limits and rerun it on that.',
    at: ['executions.retry', 'executions.resolve', 'deadLetters.retry'],
  },
  execution_is_under_way: {
    status: 409,
    title: 'Execution is under way',
    detail: `The execution ${id} is waiting. Cancel it first, or wait for its end.`,
    remedy: 'Cancel it first, or wait for its end.',
    at: ['executions.rerun'],
  },
  bulk_is_too_large: {
    status: 409,
    title: 'Bulk is too large',
    detail: '1200 executions fit; at most 1000 are rerun at once. Narrow the filter, for example by dates.',
    remedy: 'Narrow the filter, for example by dates.',
    at: ['executions.bulk'],
  },
  effect_is_not_in_doubt: {
    status: 409,
    title: 'Effect is not in doubt',
    detail: `In the execution ${id} the node "charge" is not in doubt: there is nothing to resolve.`,
    remedy: 'Check the key: the node’s id, in a loop behind its iteration, as `orders:3/charge`, URL-encoded.',
    at: ['executions.resolve'],
  },
  node_not_found: notFound('Node not found', 'The published version has no node "lookup".', ['executions.rerun']),
  workflow_not_published: {
    status: 409,
    title: 'Workflow is not published',
    detail: 'The workflow has no published version. Publish it first.',
    remedy: 'Publish the workflow.',
    at: ['workflows.trigger', 'executions.rerun', 'workflows.backtest'],
  },

  // What the system gave up
  dead_letter_not_found: {
    ...notFound('Dead letter not found', `There is no open dead letter ${id}.`),
    remedy: `${checkId} One that was retried or discarded is decided: \`deadLetters.get\` says how.`,
  },

  // Tests and backtests of drafts
  draft_node_not_found: notFound('Draft node not found', 'The draft has no node "lookup".', ['workflows.test']),
  node_not_testable: {
    status: 422,
    title: 'Node not testable',
    detail: '2 things stand in the way of testing "lookup".',
    remedy: 'Mend what `errors` names: the node itself, or ids in `mocks`. The rest of the draft may be unfinished.',
    at: ['workflows.test'],
  },
  no_worker: {
    status: 503,
    title: 'No worker',
    detail: 'No worker took it within 15 s. It is not run any more.',
    remedy: 'Check that execution workers run and are not behind, then test again, with a new `Idempotency-Key`.',
    at: ['workflows.test'],
  },
  test_unfinished: {
    status: 503,
    title: 'Test unfinished',
    detail: 'The worker had no outcome within 15 s.',
    remedy: 'Try again: with the same `Idempotency-Key` for the outcome of this test, with a new one for another test.',
    at: ['workflows.test'],
  },
  backtest_not_found: notFound('Backtest not found', `There is no backtest ${id}.`),
  approval_not_found: {
    status: 404,
    title: 'Approval not found',
    detail: 'This link is not valid. Check that it is whole, or ask for a new one.',
    remedy: 'Use the link as it was sent.',
    at: ['approvals.decide'],
  },
  approval_is_closed: {
    status: 409,
    title: 'Approval is closed',
    detail: 'It was approved on 2026-01-01T00:00:00.000Z.',
    remedy: 'None: it was decided, or is over. One that is not asked for yet is asked for in a moment.',
    at: ['approvals.decide'],
  },
  daily_executions_used_up: {
    status: 429,
    title: 'Daily executions are used up',
    detail: 'This tenant has begun as many runs today (UTC) as it may.',
    remedy: `${later} That is at midnight (UTC); or raise \`dailyExecutions\` of the tenant, with a platform key.`,
    at: ['workflows.trigger', 'executions.rerun', 'executions.bulk'],
  },
  approvals_too_many: {
    status: 429,
    title: 'Approvals are too many',
    detail: 'Too many approvals are asked for at this moment.',
    remedy: later,
    at: ['approvals.decide'],
  },

  // Webhooks
  webhook_not_found: notFound('Webhook not found', `There is no webhook ${id}.`, ['replays.list']),
  webhook_event_not_found: notFound('Webhook event not found', `There is no webhook event ${id}.`, ['workflows.test']),
  event_not_replayable: {
    status: 409,
    title: 'Event not replayable',
    detail: `The event ${id} is ignored and starts nothing.`,
    remedy: 'Replay one that starts workflows. A held event starts them when its channel is released.',
    at: ['webhookEvents.replay'],
  },
  test_unavailable: {
    status: 422,
    title: 'Test unavailable',
    detail: 'There is no test delivery for this hmac channel: it has nothing to sign one with. Check its signing secrets and its config.',
    remedy: 'Give the channel a signing secret, and a config that says how its calls are signed.',
    at: ['webhooks.test'],
  },
  gateway_unknown: {
    status: 503,
    title: 'Gateway unknown',
    detail: 'Nobody told this process where the gateway is. Set PUBLIC_URL to its address.',
    remedy: 'The operator sets `PUBLIC_URL` of command-api.',
    at: ['webhooks.test'],
  },
  replay_not_found: notFound('Replay not found', `There is no replay ${id}.`),
  replay_is_over: {
    status: 409,
    title: 'Replay is over',
    detail: `The replay ${id} is completed. Start another one.`,
    remedy: 'Start another replay.',
    at: ['replays.pause', 'replays.resume', 'replays.cancel'],
  },
  registration_is_invalid: {
    status: 400,
    title: 'Registration is invalid',
    detail: 'The workflow has no node "message".',
    remedy: 'Correct what `errors` names.',
    at: ['webhooks.create'],
  },
  webhook_unknown: notFound('Webhook is unknown', 'No channel listens here. Check the webhook address in the provider’s settings.', [
    'gateway.deliver',
    'gateway.handshake',
  ]),
  signature_refused: {
    status: 401,
    title: 'Signature is refused',
    detail: 'The signature is missing or wrong. Check the signing secret of the channel.',
    remedy: 'Give the channel the provider’s signing secret.',
    at: ['gateway.deliver'],
  },
  webhook_quota_used_up: {
    status: 429,
    title: 'Webhook quota is used up',
    detail: 'This tenant may receive 100 deliveries a minute. Send it again later.',
    remedy: 'None for providers, which send again. Raise `webhooksPerMinute` of the tenant, with a platform key.',
    at: ['gateway.deliver'],
  },
  malformed_json: {
    status: 400,
    title: 'Body is malformed',
    detail: 'The body is not JSON.',
    remedy: 'None for Sluice’s users: the provider sent something else.',
    at: ['gateway.deliver'],
  },
  handshake_refused: {
    status: 403,
    title: 'Handshake is refused',
    detail: 'The verify token is missing or wrong. Check the verify token of the channel.',
    remedy: 'Give the provider the verify token of the channel.',
    at: ['gateway.handshake'],
  },
} as const satisfies Readonly<Record<string, ProblemEntry>>;

export type ProblemCode = keyof typeof problemCatalogue;
