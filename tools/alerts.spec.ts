import { existsSync, readdirSync, readFileSync } from 'node:fs';
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

const rules: readonly Rule[] = parse(textOf('k8s/components/alerts/rules.yaml')).spec.groups.flatMap(
  (group: { readonly rules: readonly Rule[] }) => group.rules,
);
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
