import { deciderSpec } from '@sluice/testing';
import {
  archive,
  create,
  type Definition,
  evolve,
  findingsOf,
  publish,
  rollBack,
  undrawn,
  update,
  type Workflow,
  type WorkflowEvent,
  WorkflowIsArchived,
  WorkflowNotPublishable,
} from './workflow.js';

const channel = { id: '018f3b5e-0000-7000-8000-00000000000c', provider: 'instagram' };
const credentialId = '018f3b5e-0000-7000-8000-00000000000d';
const known = { channels: [channel], credentials: [credentialId], workflows: [], env: [], codeNodes: false };
const trigger = { id: 'start', type: 'trigger.manual', config: {} };
const definition: Definition = {
  name: 'Greet',
  description: null,
  graph: { nodes: [trigger], edges: [] },
  tags: [],
  settings: {},
};
const initial = undrawn('018f3b5e-0000-7000-8000-00000000000a', '018f3b5e-0000-7000-8000-00000000000f');
const given = deciderSpec<Workflow, WorkflowEvent>(evolve, initial);
const after = (...events: WorkflowEvent[]) => events.reduce(evolve, initial);

const draft = create(initial, definition, 'ada');
const publishedBy = (by: string) => (workflow: Workflow) => publish(workflow, known, 'version-id', by);
const published = publishedBy('ada')(after(...draft));
const archived = archive(after(...draft), 'ada');

describe('a draft', () => {
  it('begins at revision 1', () =>
    expect(after(...draft)).toMatchObject({ name: 'Greet', status: 'draft', revision: 1, version: 0, streamVersion: 1 }));

  it('changes where the author changes it', () => {
    given(...draft)
      .when((workflow) => update(workflow, { name: 'Welcome', description: 'd', edges: [{ source: 'start', target: 'gone' }] }, 'bob'))
      .then({
        type: 'workflow.updated',
        payload: {
          name: 'Welcome',
          description: 'd',
          graph: { nodes: [trigger], edges: [{ source: 'start', target: 'gone' }] },
          revision: 2,
          by: 'bob',
        },
      });
  });

  it('keeps its revision when nothing changes', () => {
    given(...draft)
      .when((workflow) => update(workflow, { name: 'Greet', nodes: [{ ...trigger }], tags: [] }, 'bob'))
      .thenNothing();
  });

  it('loses its description to null alone', () => {
    const described = update(after(...draft), { description: 'd' }, 'ada');
    given(...draft, ...described)
      .when((workflow) => update(workflow, { description: null }, 'ada'))
      .then({ type: 'workflow.updated', payload: { description: null } });
    given(...draft, ...described)
      .when((workflow) => update(workflow, {}, 'ada'))
      .thenNothing();
  });
});

describe('publishing', () => {
  it('makes the next version of the draft', () => {
    given(...draft)
      .when(publishedBy('ada'))
      .then({ type: 'workflow.published', payload: { version: 1, versionId: 'version-id', revision: 1, graph: definition.graph } });
  });

  it('does nothing for a draft that is already published', () =>
    given(...draft, ...published)
      .when(publishedBy('ada'))
      .thenNothing());

  it('counts on after a change', () => {
    const changed = update(after(...draft, ...published), { name: 'Other' }, 'ada');
    given(...draft, ...published, ...changed)
      .when(publishedBy('ada'))
      .then({ type: 'workflow.published', payload: { version: 2, revision: 2 } });
  });

  it('refuses an archived workflow', () =>
    given(...draft, ...archived)
      .when(publishedBy('ada'))
      .thenThrows(WorkflowIsArchived));

  it('names every finding at once, channels too', () => {
    const nodes = [
      trigger,
      { id: 'a', type: 'instagram.sendMessage', config: { channelId: 'b0000000-0000-7000-8000-000000000000', to: 'x', text: 'y' } },
      { id: 'b', type: 'no.such', config: {} },
      { id: 'c', type: 'instagram.sendMessage', config: { channelId: channel.id.toUpperCase(), to: 'x', text: 'y' } },
      { id: 'd', type: 'instagram.sendMessage', config: { channelId: '{{ trigger.channelId }}', to: 'x', text: 'y' } },
    ];
    const edges = ['a', 'b', 'c', 'd'].map((target) => ({ source: 'start', target }));
    const broken = update(after(...draft), { nodes, edges }, 'ada');
    try {
      publish(after(...draft, ...broken), known, 'version-id', 'ada');
      throw new Error('it was published');
    } catch (error) {
      expect(error).toBeInstanceOf(WorkflowNotPublishable);
      expect(error).toMatchObject({
        kind: 'invalid',
        details: {
          errors: [
            { path: 'nodes[2].type', code: 'unknown_node_type' },
            { path: 'nodes[1].config.channelId', code: 'unknown_channel' },
          ],
        },
      });
    }
  });

  it('wants a channel of the provider that the node speaks to', () => {
    const nodes = [trigger, { id: 'a', type: 'instagram.sendMessage', config: { channelId: channel.id, to: 'x', text: 'y' } }];
    const sending = update(after(...draft), { nodes, edges: [{ source: 'start', target: 'a' }] }, 'ada');
    given(...draft, ...sending)
      .when((workflow) => publish(workflow, known, 'v', 'ada'))
      .then({ type: 'workflow.published' });
    given(...draft, ...sending)
      .when((workflow) => publish(workflow, { ...known, channels: [{ ...channel, provider: 'line' }] }, 'v', 'ada'))
      .thenThrows(WorkflowNotPublishable);
  });
});

it('T-18 B-16: a graph names credentials of its tenant alone', () => {
  const calling = (credential: string) => {
    const nodes = [trigger, { id: 'a', type: 'http.request', config: { url: 'https://x.test', credential } }];
    const graph = { nodes, edges: [{ source: 'start', target: 'a' }] };
    return findingsOf({ id: initial.id, name: 'Call', graph, settings: {} }, known);
  };
  expect(calling(credentialId.toUpperCase())).toEqual([]);
  expect(calling(channel.id)).toMatchObject([{ path: 'nodes[1].config.credential', code: 'unknown_credential' }]);
  expect(calling('shop')).toMatchObject([{ path: 'nodes[1].config.credential', code: 'invalid_config' }]);
});

describe('warnings', () => {
  const reading = { id: 'a', type: 'data.set', config: { values: { a: '{{ env.shop & trigger.txet }}' } } };
  const graph = { nodes: [{ id: 'start', type: 'trigger.webhook', config: {} }, reading], edges: [{ source: 'start', target: 'a' }] };

  it('are said beside what is wrong, and tell of fields by the events there were', () => {
    const found = findingsOf({ id: initial.id, name: 'x', graph, settings: { deadlineMs: 1 } }, known, [{ text: 'price?' }]);
    expect(found.map(({ code, severity = 'error' }) => `${code} ${severity}`)).toEqual([
      'unknown_variable warning',
      'invalid_settings error',
      'unknown_field warning',
    ]);
  });

  it('keep nothing from being published, nor are they among what does', () => {
    const changed = update(after(...draft), graph, 'ada');
    given(...draft, ...changed)
      .when(publishedBy('ada'))
      .then({ type: 'workflow.published' });
    const worse = update(after(...draft), { ...graph, settings: { speed: 'high' } }, 'ada');
    try {
      publishedBy('ada')(after(...draft, ...worse));
      throw new Error('it was published');
    } catch (error) {
      expect(error).toMatchObject({ details: { errors: [{ path: 'settings.speed', code: 'invalid_settings' }] } });
    }
  });
});

describe('rolling back', () => {
  const first = { version: 1, graph: definition.graph, settings: {} };
  const second = { version: 2, graph: { nodes: [{ ...trigger, name: 'Begin' }], edges: [] }, settings: {} };
  const changed = update(after(...draft, ...published), { nodes: second.graph.nodes }, 'ada');
  const again = publishedBy('ada')(after(...draft, ...published, ...changed));
  const back = (workflow: Workflow) => rollBack(workflow, { to: first, newest: second }, known, 'v3', 'bob');

  it('makes a version of its own of the earlier graph, and leaves the draft to be published again', () => {
    given(...draft, ...published, ...changed, ...again)
      .when(back)
      .then({
        type: 'workflow.rolled_back',
        payload: { version: 3, versionId: 'v3', fromVersion: 1, graph: first.graph, settings: {}, by: 'bob' },
      });
    const rolledBack = after(...draft, ...published, ...changed, ...again, ...back(after(...draft, ...published, ...changed, ...again)));
    expect(rolledBack).toMatchObject({ version: 3, revision: 2, publishedRevision: 0, draft: second.graph, status: 'published' });
    expect(publishedBy('ada')(rolledBack)).toMatchObject([{ payload: { version: 4, graph: second.graph } }]);
  });

  it('does nothing when that graph is live', () =>
    given(...draft, ...published)
      .when((workflow) => rollBack(workflow, { to: first, newest: { ...first, version: 4 } }, known, 'v', 'ada'))
      .thenNothing());

  it('refuses a graph that could not be published now, and an archived workflow', () => {
    const broken = { ...first, graph: { nodes: [...first.graph.nodes, { id: 'b', type: 'no.such', config: {} }], edges: [] } };
    given(...draft, ...published)
      .when((workflow) => rollBack(workflow, { to: broken, newest: first }, known, 'v', 'ada'))
      .thenThrows(WorkflowNotPublishable);
    given(...draft, ...archived)
      .when(back)
      .thenThrows(WorkflowIsArchived);
  });
});

describe('an archived workflow', () => {
  it('is archived once', () => {
    given(...draft)
      .when((workflow) => archive(workflow, 'ada'))
      .then({ type: 'workflow.archived' });
    given(...draft, ...archived)
      .when((workflow) => archive(workflow, 'ada'))
      .thenNothing();
  });
  it('changes no more', () =>
    given(...draft, ...archived)
      .when((workflow) => update(workflow, { name: 'x' }, 'ada'))
      .thenThrows(WorkflowIsArchived));
});
