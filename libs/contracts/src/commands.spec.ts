import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import {
  ApiKeyCommand,
  BulkExecutionsCommand,
  ChannelCommand,
  ChannelRotationCommand,
  DeadLettersDiscardCommand,
  DeadLettersRetryCommand,
  EventReplayCommand,
  MoveRunsCommand,
  NodeTestCommand,
  ReplayCommand,
  WebhookRegistrationCommand,
  WorkflowChangesCommand,
  WorkflowDefinitionCommand,
} from './index.js';

const pathsOf = (errors: ValidationError[], parent = ''): string[] =>
  errors.flatMap(({ property, constraints, children = [] }) => [
    ...(constraints === undefined ? [] : [`${parent}${property}`]),
    ...pathsOf(children, `${parent}${property}.`),
  ]);
const faults = (type: new () => object, body: object) =>
  pathsOf(validateSync(plainToInstance(type, body), { whitelist: true, forbidNonWhitelisted: true })).sort();

const node = { id: 'a', type: 'data.set', config: { values: {} }, policy: { retry: { maxAttempts: 3 } }, position: { x: 1, y: -2.5 } };

describe('WorkflowDefinitionCommand', () => {
  it('takes an incomplete draft', () => {
    expect(faults(WorkflowDefinitionCommand, { name: 'New' })).toEqual([]);
    const body = {
      name: 'n',
      description: null,
      nodes: [node, { id: 'b', type: 'no.such' }],
      edges: [{ source: 'a', target: 'gone' }],
      tags: ['x'],
    };
    expect(faults(WorkflowDefinitionCommand, body)).toEqual([]);
  });

  it('refuses nonsense shapes, each by its path', () => {
    const nodes = [
      { ...node, id: '' },
      { ...node, config: [] },
      { ...node, policy: { timeoutMs: '1s', retry: { maxAttempts: 0 } } },
      { ...node, policy: null },
      { ...node, surplus: 1 },
    ];
    expect(
      faults(WorkflowDefinitionCommand, { name: '  ', nodes, edges: [{ source: 1, target: 'b' }], tags: ['a', 'a'], settings: [] }),
    ).toEqual([
      'edges.0.source',
      'name',
      'nodes.0.id',
      'nodes.1.config',
      'nodes.2.policy.retry.maxAttempts',
      'nodes.2.policy.timeoutMs',
      'nodes.3.policy',
      'nodes.4.surplus',
      'settings',
      'tags',
    ]);
    expect(faults(WorkflowDefinitionCommand, { name: 'n', nodes: ['a'] })).toEqual(['nodes.0']);
  });

  it('has limits', () => {
    const many = <T>(count: number, item: (n: number) => T) => Array.from({ length: count }, (_, n) => item(n));
    const body = (nodes: number, edges: number, tags: number, name: number) => ({
      name: 'x'.repeat(name),
      nodes: many(nodes, (n) => ({ ...node, id: `n${n}` })),
      edges: many(edges, () => ({ source: 'n0', target: 'n1' })),
      tags: many(tags, String),
    });
    expect(faults(WorkflowDefinitionCommand, body(1000, 5000, 50, 200))).toEqual([]);
    expect(faults(WorkflowDefinitionCommand, body(1001, 5001, 51, 201))).toEqual(['edges', 'name', 'nodes', 'tags']);
  });
});

describe('WorkflowChangesCommand', () => {
  it('may be anything less, but null is not less', () => {
    expect(faults(WorkflowChangesCommand, {})).toEqual([]);
    expect(faults(WorkflowChangesCommand, { description: null })).toEqual([]);
    expect(faults(WorkflowChangesCommand, { name: null, nodes: null, tags: null })).toEqual(['name', 'nodes', 'tags']);
  });
});

describe('WebhookRegistrationCommand', () => {
  const body = { name: 'w', workflowId: '018f3b5e-0000-7000-8000-00000000000a', nodeId: 'a', provider: 'instagram' };

  it('needs no config', () => expect(faults(WebhookRegistrationCommand, body)).toEqual([]));
  it('refuses what would not be a path', () => {
    const config = { channelId: 'x', triggerType: 'a/b', actionTypes: [], mode: 'later' };
    expect(faults(WebhookRegistrationCommand, { ...body, config })).toEqual([
      'config.actionTypes',
      'config.channelId',
      'config.mode',
      'config.triggerType',
    ]);
  });
});

describe('ChannelCommand', () => {
  it('wants secrets, however long the provider makes them', () => {
    const body = { provider: 'instagram', name: 'Shop' };
    expect(faults(ChannelCommand, { ...body, credentials: { signingSecrets: ['12345'] } })).toEqual([]);
    expect(faults(ChannelCommand, { ...body, credentials: { signingSecrets: [''] } })).toEqual(['credentials.signingSecrets']);
    expect(faults(ChannelCommand, { ...body, credentials: { signingSecrets: [] } })).toEqual(['credentials.signingSecrets']);
    expect(faults(ChannelCommand, body)).toEqual(['credentials']);
    expect(faults(ChannelCommand, { ...body, credentials: null, expiresAt: 'soon' })).toEqual(['credentials', 'expiresAt']);
  });
});

it('ids in a body are kept as the stores write them, in lower case', () => {
  const id = '018f3b5e-0000-7000-8000-00000000000a';
  const bodies: [new () => object, object][] = [
    [WebhookRegistrationCommand, { name: 'w', workflowId: id, nodeId: 'a', provider: 'line', config: { channelId: id } }],
    [EventReplayCommand, { reason: 'r', workflowIds: [id] }],
    [ReplayCommand, { name: 'n', reason: 'r', workflowIds: [id], filter: { channelId: id, dateFrom: '2026-01-31', dateTo: '2026-02-01' } }],
    [BulkExecutionsCommand, { action: 'cancel', filter: { workflowId: id } }],
    [DeadLettersDiscardCommand, { filter: { workflowId: id } }],
    [NodeTestCommand, { eventId: id }],
  ];
  for (const [type, body] of bodies) {
    const shouted = JSON.parse(JSON.stringify(body).replaceAll(id, id.toUpperCase()));
    expect(faults(type, shouted)).toEqual([]);
    expect(JSON.parse(JSON.stringify(plainToInstance(type, shouted)))).toEqual(body);
    expect(faults(type, JSON.parse(JSON.stringify(body).replaceAll(id, 'x')))).not.toEqual([]);
  }
  expect(faults(EventReplayCommand, { reason: 'r', workflowIds: [id, id.toUpperCase()] })).toEqual(['workflowIds']);
  expect(faults(EventReplayCommand, { reason: 'r', workflowIds: [1] })).toEqual(['workflowIds']);
});

describe('MoveRunsCommand', () => {
  it('takes versions as far as they are counted', () => {
    expect(faults(MoveRunsCommand, { fromVersion: 1, toVersion: 2_147_483_647 })).toEqual([]);
    expect(faults(MoveRunsCommand, { fromVersion: 2_147_483_648, toVersion: 1e12 })).toEqual(['fromVersion', 'toVersion']);
    expect(faults(MoveRunsCommand, { fromVersion: 0, toVersion: 1.5 })).toEqual(['fromVersion', 'toVersion']);
  });
});

describe('A time in a command', () => {
  const terms = { name: 'n', reason: 'r' };
  const channelId = '018f3b5e-0000-7000-8000-00000000000a';
  const credentials = { signingSecrets: ['12345'] };
  const period = (time: string) => ({ dateFrom: time, dateTo: time });
  const inFilter = ['filter.dateFrom', 'filter.dateTo'];
  const commands: [new () => object, (time: string) => object, string[]][] = [
    [ApiKeyCommand, (expiresAt) => ({ name: 'n', role: 'viewer', expiresAt }), ['expiresAt']],
    [ChannelCommand, (expiresAt) => ({ provider: 'line', name: 'n', credentials, expiresAt }), ['expiresAt']],
    [
      ChannelRotationCommand,
      (time) => ({ credentials, expiresAt: time, previousSecretsUntil: time }),
      ['expiresAt', 'previousSecretsUntil'],
    ],
    [ReplayCommand, (time) => ({ ...terms, filter: { channelId, ...period(time) } }), inFilter],
    [BulkExecutionsCommand, (time) => ({ action: 'cancel', filter: period(time) }), inFilter],
    [MoveRunsCommand, (time) => ({ fromVersion: 1, toVersion: 2, filter: period(time) }), inFilter],
    [DeadLettersDiscardCommand, (time) => ({ filter: period(time) }), inFilter],
    [DeadLettersRetryCommand, (time) => ({ filter: period(time) }), inFilter],
  ];

  it.each(commands.map(([type, ...rest]) => [type.name, type, ...rest] as const))(
    'is a day or has its zone: %s',
    (_, type, body, members) => {
      for (const time of ['2026-01-31', '2026-01-31T12:00Z', '2026-01-31T12:00:00.123456Z', '2024-02-29T23:59:59+05:30']) {
        expect([time, faults(type, body(time))]).toEqual([time, []]);
      }
      const ways = ['2026-W10-1', '2026-123', '20260101', '2026-01', '2026', '2026-01-01T10', '20260101T100000Z', '2026-W10-1T10:00:00Z'];
      for (const time of [
        ...ways,
        '2026-01-01T10:00',
        '2026-01-01T10:00:00',
        '2026-01-01T10:00:00+01',
        '2026-02-30',
        '2026-01-01T25:00:00Z',
        '2026-01-01T10:00:00+16:00',
      ]) {
        expect([time, faults(type, body(time))]).toEqual([time, members]);
      }
    },
  );
});
