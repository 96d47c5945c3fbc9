import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..');
const textOf = (path: string) => readFileSync(join(root, path), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook: string };
}

const { spec }: { spec: { groups: readonly { readonly rules: readonly Rule[] }[] } } = parse(textOf('k8s/components/alerts/rules.yaml'));
const rules = spec.groups.flatMap((group) => group.rules);
const byName = rules.map((rule) => [rule.alert, rule] as const);

/** What the apps export, by the sources that make the metrics. */
const sources = ['libs', 'apps']
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)))
  .filter((path) => /\/src\/.*\.ts$/.test(path) && !/\.spec\.ts$|\/(dist|node_modules)\//.test(path))
  .map(textOf);
const exported = new Map(
  sources.flatMap((source) =>
    [...source.matchAll(/new (Counter|Gauge|Histogram)\(\{\s*name: '(\w+)',([\s\S]*?)\}\)/g)].map(([, kind = '', name = '', rest = '']) => {
      const [, labels = ''] = /labelNames: \[([^\]]*)\]/.exec(rest) ?? [];
      return [name, { kind, labels: [...labels.matchAll(/'(\w+)'/g)].map(([, label = '']) => label) }] as const;
    }),
  ),
);
/** Prometheus' own, and the names that it gives to what it scrapes. */
const ofPrometheus = { metrics: ['up'], labels: ['job', 'instance', 'pod', 'namespace', 'le'] };

/** `name{label="value",…}` in an expression */
const selectorsIn = (expr: string) =>
  [...expr.matchAll(/\b(up|sluice_\w+)(?:\{([^}]*)\})?/g)].map(([, metric = '', matchers = '']) => ({
    metric,
    matchers: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g)].map(([, label = '', value = '']) => ({ label, value })),
  }));
const nameOf = (metric: string) => (exported.has(metric) ? metric : metric.replace(/_(bucket|sum|count)$/, ''));
const groupedBy = (expr: string) => [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(/,\s*/));

it('finds the metrics of the apps', () => {
  expect([...exported.keys()]).toEqual(expect.arrayContaining(['sluice_projection_lag_seconds', 'sluice_webhook_mirror_events_total']));
  expect(exported.get('sluice_webhook_received_total')).toEqual({ kind: 'Counter', labels: ['provider', 'result'] });
});

it('has each alert once', () => expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length));

describe.each(byName)('%s', (_name, { alert, expr, for: during, labels, annotations }) => {
  const selectors = selectorsIn(expr);

  it('is about metrics that the apps export, and labels that these have', () => {
    expect(selectors.length).toBeGreaterThan(0);
    for (const { metric, matchers } of selectors) {
      const known = exported.get(nameOf(metric));
      expect([metric, known !== undefined || ofPrometheus.metrics.includes(metric)]).toEqual([metric, true]);
      if (metric.endsWith('_bucket')) expect(known?.kind).toBe('Histogram');
      const names = [...(known?.labels ?? []), ...ofPrometheus.labels];
      for (const label of [...matchers.map((matcher) => matcher.label), ...groupedBy(expr)]) expect(names).toContain(label);
    }
  });

  it('compares with values that there are', () => {
    for (const { value } of selectors.flatMap(({ matchers }) => matchers).filter(({ label }) => !['job', 'status'].includes(label))) {
      for (const one of value.split('|')) expect([one, sources.some((source) => source.includes(`'${one}'`))]).toEqual([one, true]);
    }
    for (const { value } of selectors.flatMap(({ matchers }) => matchers).filter(({ label }) => label === 'job')) {
      expect(existsSync(join(root, 'apps', value))).toBe(true);
    }
  });

  it('is well formed, bounded in time, and says what to do', () => {
    const depth = [...expr].reduce((open, char) => open + ('({['.includes(char) ? 1 : ')}]'.includes(char) ? -1 : 0), 0);
    expect(depth).toBe(0);
    expect(alert).toMatch(/^Sluice[A-Z]\w+$/);
    expect(during ?? '0m').toMatch(/^\d+[mh]$/);
    expect(['critical', 'warning', 'info']).toContain(labels.severity);
    expect(annotations.summary.length).toBeGreaterThan(10);
    expect(annotations.description).toMatch(/\.$/);
    // A counter is looked at by how it grows.
    for (const { metric } of selectors.filter(({ metric: each }) => each.endsWith('_total'))) {
      expect(expr).toMatch(new RegExp(`(rate|increase)\\(${metric}`));
    }
  });

  it('leads to a page that there is, and to a section of it', () => {
    const [page = '', section] = annotations.runbook.split('#');
    expect(existsSync(join(root, page))).toBe(true);
    if (section === undefined) return;
    const headings = [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    );
    expect(headings).toContain(section);
  });
});

// Evaluated ------------------------------------------------------------------------------------------------------------

/** How many a rule finds after an hour of these series, one sample a minute: `0+6x60` grows by 6 each. */
const evaluated: readonly [alert: string, found: number, ...series: [name: string, values: string][]][] = [
  ['SluiceProjectorMissing', 0, ['up{job="projector"}', '1x60']],
  ['SluiceProjectorMissing', 1, ['up{job="projector"}', '1x50 0x10']],
  ['SluiceWorkerMissing', 1, ['up{job="projector"}', '1x60']],
  ['SluiceCallsFail', 0, ['sluice_http_failures_total{status="503", code="store_unavailable"}', '7x60']],
  ['SluiceCallsFail', 1, ['sluice_http_failures_total{status="503", code="store_unavailable"}', '0+60x60']],
  ['SluiceCallsBreak', 0, ['sluice_http_failures_total{status="500", code="internal_error"}', '7x60']],
  // The first of its kind: its series begins with it.
  ['SluiceCallsBreak', 1, ['sluice_http_failures_total{status="500", code="internal_error"}', '_x55 1x5']],
  ['SluiceWorkWaits', 0, ['sluice_queue_oldest_waiting_seconds', '12x60']],
  [
    'SluiceWorkWaits',
    1,
    ['sluice_queue_oldest_waiting_seconds{instance="a"}', '0x60'],
    ['sluice_queue_oldest_waiting_seconds{instance="b"}', '400x60'],
  ],
  ['SluiceDeadLetters', 0, ['sluice_dead_letters_total{reason="crash_loop"}', '3x60']],
  ['SluiceDeadLetters', 1, ['sluice_dead_letters_total{reason="crash_loop"}', '3x50 4x10']],
  ['SluiceDeadLetters', 2, ['sluice_dead_letters_total{reason="a"}', '_x55 1x5'], ['sluice_dead_letters_total{reason="b"}', '_x55 1x5']],
  [
    'SluiceRunsFail',
    0,
    ['sluice_workflow_execution_total{status="failed"}', '0+1x60'],
    ['sluice_workflow_execution_total{status="completed"}', '0+9x60'],
  ],
  [
    'SluiceRunsFail',
    1,
    ['sluice_workflow_execution_total{status="failed"}', '0+9x60'],
    ['sluice_workflow_execution_total{status="completed"}', '0+1x60'],
  ],
  [
    'SluiceReadModelsLag',
    1,
    ['sluice_projection_lag_seconds{instance="a"}', '60x60'],
    ['sluice_projection_lag_seconds{instance="b"}', '0x60'],
  ],
  ['SluiceRedisAway', 1, ['sluice_redis_up{instance="a"}', '1x60'], ['sluice_redis_up{instance="b"}', '0x60']],
  ['SluiceChannelsCannotSend', 0, ['sluice_channels{health="ok"}', '9x60'], ['sluice_channels{health="expired"}', '0x60']],
  // Every worker counts the same.
  [
    'SluiceChannelsCannotSend',
    1,
    ['sluice_channels{health="expired", instance="a"}', '2x60'],
    ['sluice_channels{health="expired", instance="b"}', '2x60'],
  ],
  [
    'SluiceSignaturesRefused',
    0,
    ['sluice_webhook_received_total{provider="a", result="accepted"}', '0+99x60'],
    ['sluice_webhook_received_total{provider="a", result="signature_mismatch"}', '0+6x60'],
  ],
  [
    'SluiceSignaturesRefused',
    1,
    ['sluice_webhook_received_total{provider="a", result="accepted"}', '0+6x60'],
    ['sluice_webhook_received_total{provider="a", result="signature_mismatch"}', '0+6x60'],
  ],
];
const promtool = spawnSync('promtool', ['--version']).status === 0;

(promtool ? describe : describe.skip)('Prometheus itself, where promtool is on the PATH', () => {
  it('takes them, and finds what is so', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-alerts-'));
    const run = (...given: string[]) => execFileSync('promtool', given, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
    try {
      // JSON is YAML.
      writeFileSync(join(folder, 'rules.yaml'), JSON.stringify(spec));
      const tests = evaluated.map(([alert, found, ...series]) => ({
        interval: '1m',
        input_series: series.map(([name, values]) => ({ series: name, values })),
        promql_expr_test: [
          {
            expr: `count(${rules.find((rule) => rule.alert === alert)?.expr}) or vector(0)`,
            eval_time: '60m',
            exp_samples: [{ labels: '{}', value: found }],
          },
        ],
      }));
      writeFileSync(join(folder, 'tests.yaml'), JSON.stringify({ rule_files: [], tests }));
      expect(run('check', 'rules', 'rules.yaml')).toContain(`SUCCESS: ${rules.length} rules found`);
      expect(run('test', 'rules', 'tests.yaml')).toContain('SUCCESS');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
