/** A protection that is switched off, and the case that must notice. */
export interface Mutation {
  readonly off: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly put: string;
  /** Jest's project and what its tests are called: at least one of them must fail. */
  readonly caughtBy: { readonly project: string; readonly tests: string };
}

const commitSteps = 'libs/executions/write/src/steps/commit-steps.ts';
const foundation = 'libs/platform/database/src/command-migrations/0001-foundation.ts';

export const mutations: readonly Mutation[] = [
  {
    off: 'the fence of a run: a step is written whatever version it was decided on',
    file: commitSteps,
    find: 'if (isOver || now.version !== run.version || taken.has(run.id))',
    put: 'if (isOver)',
    caughtBy: { project: 'executions-write', tests: 'two branches that end at the same moment|N-12|N-15' },
  },
  {
    off: 'the fence of a task: who lost it commits all the same',
    file: commitSteps,
    find: '(held.get(id) === epoch ? [] : [id])',
    put: '(held.get(id) === undefined && epoch < 0 ? [id] : [])',
    caughtBy: { project: 'executions-write', tests: 'F-20 F-21' },
  },
  {
    off: 'the lease of an effect: an intent is recorded whoever holds the task',
    file: 'libs/executions/write/src/effects/effect-ledger.ts',
    find: "JOIN tasks t ON t.id = v.task_id AND t.epoch = v.epoch AND t.status = 'leased'",
    put: '',
    caughtBy: { project: 'executions-write', tests: 'F-20: an intent' },
  },
  {
    off: 'de-duplication: each call of a provider is a new event',
    file: 'libs/webhooks/write/src/ingest/write-deliveries.ts',
    find: 'events.map(({ event }) => event.canonical.dedupeKey)',
    put: 'events.map(({ event }) => event.id)',
    caughtBy: { project: 'standalone', tests: 'N-10: one delivery 100 times at once' },
  },
  {
    off: 'the order of the log: commits get their positions newest first',
    file: foundation,
    find: 'SELECT id, sum(events) OVER (ORDER BY id) AS upto',
    put: 'SELECT id, sum(events) OVER (ORDER BY id DESC) AS upto',
    caughtBy: { project: 'platform-event-log', tests: 'F-25: a sequencer that ends between numbering and commit' },
  },
  {
    off: 'the sweeps: nobody looks for what was lost',
    file: 'libs/executions/write/src/sweeps/sweeper.ts',
    find: '    const { pool } = this.database;\n    const now = performance.now();\n',
    put: '    const { pool } = this.database;\n    const now = performance.now();\n    if (now > 0) return;\n',
    caughtBy: { project: 'standalone', tests: 'a message runs through branches, a join, an effect and a delay' },
  },
  {
    off: 'row-level security: every tenant passes the policy',
    file: foundation,
    find: "  WITH CHECK (${table === 'tenants' ? 'id' : 'tenant_id'} = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));`,",
    put: '  WITH CHECK (true);\nALTER POLICY tenant ON ${table} USING (true);`,',
    caughtBy: { project: 'platform-database', tests: 'T-04|T-05' },
  },
  {
    off: 'the pin of outbound calls: the socket resolves the name again',
    file: 'libs/platform/outbound/src/outbound-http.ts',
    find: 'lookup: answerWith(addresses) })(options, callback)',
    put: '...(addresses.length < 0 && { lookup: answerWith(addresses) }) })(options, callback)',
    caughtBy: { project: 'platform-outbound', tests: 'S-03' },
  },
  {
    off: 'the order of acknowledging: 200 goes out before the commit',
    file: 'libs/webhooks/write/src/ingest/ingest-delivery.ts',
    find: 'return { delivery, written: await this.groups.add(delivery), answer: said.answer };',
    put: 'void this.groups.add(delivery).catch(() => {});\n    return { delivery, written: { eventIds: [] }, answer: said.answer };',
    caughtBy: { project: 'standalone', tests: 'P-01 P-09' },
  },
];
