/** Alert rules, dashboard, manifests and unit, held to the documented metrics, the runbook and what hardening asks. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** As docs/metrics.md lists them; of a histogram also what Prometheus makes of it. */
const documented = new Set(
  [...text('docs/metrics.md').matchAll(/^\| (omni_sync_\w+) \| (\w+) \|/gm)].flatMap(([, name = '', type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
  ),
);
const sections = [...text('docs/runbook.md').matchAll(/^## (\S+)$/gm)].map(([, title = '']) => title);

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

const rules = (parse(text('deploy/prometheus/rules.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

function unknown(expr: string): string[] {
  const names = expr.match(/\bomni_sync_\w+/g) ?? [];
  return names.filter((name) => !documented.has(name));
}

describe('deploy/prometheus/rules.yml', () => {
  it('names documented metrics alone', () => {
    expect(documented.size).toBeGreaterThan(15);
    expect(rules.flatMap(({ expr }) => unknown(expr))).toEqual([]);
    expect(unknown('omni_sync_made_up > 0')).toEqual(['omni_sync_made_up']);
  });

  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s has a section in the runbook',
    (alert, rule) => {
      expect(sections).toContain(alert);
      expect(rule.annotations.runbook).toBe(`docs/runbook.md#${alert.toLowerCase()}`);
      expect(rule.labels.severity).toMatch(/^(info|warning|critical)$/);
      expect(rule.for).toMatch(/^\d+[mh]$/);
    },
  );
});

describe('docs/runbook.md', () => {
  it('has a section for each event, and for nothing that is not there', () => {
    const { properties } = JSON.parse(text('config/schema.json')) as {
      properties: { alerts: { items: unknown } };
    };
    const events = [...JSON.stringify(properties.alerts).matchAll(/"(?:enum|const)":(\[[^\]]*\]|"\w+")/g)];
    const named = new Set(events.flatMap(([, list = '']) => [JSON.parse(list)].flat() as string[]));
    for (const event of named) expect(sections).toContain(event);
    expect(named.size).toBe(9);
    const known = new Set([...named, ...rules.map(({ alert }) => alert), 'Messages']);
    expect(sections.filter((title) => !known.has(title))).toEqual([]);
  });
});

describe('deploy/grafana/dashboard.json', () => {
  it('draws documented metrics alone, each panel once', () => {
    const { panels } = JSON.parse(text('deploy/grafana/dashboard.json')) as {
      panels: { id: number; title: string; targets: { expr: string }[] }[];
    };
    expect(panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => unknown(expr)))).toEqual([]);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  });
});

describe('deploy/kubernetes/omni-sync.yaml', () => {
  const documents = parseAllDocuments(text('deploy/kubernetes/omni-sync.yaml')).map(
    (document) => document.toJS() as { kind: string; metadata: { name: string }; spec: never },
  );
  const deployments = documents.filter(({ kind }) => kind === 'Deployment');

  it('runs the roles apart, each with a budget for disruptions', () => {
    expect(deployments.map(({ metadata }) => metadata.name)).toEqual([
      'omni-sync-scheduler',
      'omni-sync-worker',
    ]);
    const budgets = documents.filter(({ kind }) => kind === 'PodDisruptionBudget');
    expect(budgets.map(({ metadata }) => metadata.name)).toEqual(
      deployments.map(({ metadata }) => metadata.name),
    );
  });

  it.each(deployments.map((one) => [one.metadata.name, one] as const))('hardens %s', (_, deployment) => {
    const { template } = deployment.spec as { template: { spec: Record<string, unknown> } };
    expect(template.spec).toMatchObject({
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 35,
      securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } },
    });
    const [container] = template.spec.containers as Record<string, unknown>[];
    expect(container).toMatchObject({
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      livenessProbe: { httpGet: { path: '/healthz' } },
    });
    expect(container?.readinessProbe).toBeDefined();
    expect(container?.startupProbe).toBeDefined();
    expect(container?.image).toMatch(/:\d+\.\d+\.\d+$/);
  });
});

describe('deploy/systemd/omni-sync.service', () => {
  it('is hardened to an exposure of at most 2', () => {
    const unit = join(ROOT, 'deploy/systemd/omni-sync.service');
    const args = ['security', '--offline=true', '--threshold=20', '--no-pager', unit];
    const { error, status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    if (error) throw new Error('systemd-analyze is missing: apt-get install -y systemd');
    expect({ status, exposure: stdout.trim().split('\n').at(-1) }).toMatchObject({ status: 0 });
  });

  it('hears notifications of systemd-notify, and waits as long as a stop may take', () => {
    const unit = text('deploy/systemd/omni-sync.service');
    for (const line of [
      'Type=notify',
      'NotifyAccess=all',
      'TimeoutStopSec=35',
      'ExecReload=/bin/kill -HUP $MAINPID',
    ])
      expect(unit.split('\n')).toContain(line);
  });
});
