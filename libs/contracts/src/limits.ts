/** What a request may be at most. Stated in docs/limits.md, which a test holds against this. */
export const limits = {
  /** Of a body, but for webhooks */
  bodyBytes: 1024 * 1024,
  /** Of a delivery, whoever sends it; what each provider may send is said by its adapter */
  webhookBodyBytes: 25 * 1024 * 1024,
  bodyDepth: 64,
  /** Of all bodies that a process is receiving or working on */
  inFlightBytes: 256 * 1024 * 1024,
  /** All of them together, with the first line */
  headerBytes: 16 * 1024,
  headers: 100,
  pathPartCharacters: 512,
  requestMs: 60_000,
  /** Guesses of webhook addresses, by source: beyond it they are looked up together */
  unknownPathsPerMinute: 60,
  validationErrors: 100,
  idempotencyKeyCharacters: 255,
  correlationIdCharacters: 128,
  pageSize: 200,
  page: 1_000_000,
  nameCharacters: 200,
  descriptionCharacters: 5_000,
  nodes: 1_000,
  edges: 5_000,
  nodeIdCharacters: 128,
  nodeTypeCharacters: 100,
  edgeIdCharacters: 300,
  tags: 50,
  tagCharacters: 100,
  omissions: 5_000,
  omissionPathCharacters: 1_000,
  webhookFilterCharacters: 2_000,
  webhookActionTypes: 50,
  signingSecrets: 5,
  credentialHosts: 20,
  envNames: 100,
  envBytes: 32 * 1024,
  /** Runs that one backtest compares */
  backtestEvents: 1_000,
  /** Workflows that one replay names */
  replayWorkflows: 100,
  reasonCharacters: 500,
} as const;
