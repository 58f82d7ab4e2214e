import type { Office } from './office.ts';

/** Prometheus' text format, version 0.0.4. */
export async function metricsText(office: Office): Promise<string> {
  const { history, objects, workers } = office;
  const counts = await history.counts();
  const { count, bytes } = objects.usage();
  return [
    ...gauge(
      'jobs',
      'Jobs by queue, kind and state.',
      counts.queues.map(({ count: value, ...labels }) => ({ labels, value })),
    ),
    ...gauge(
      'builds',
      'Builds by dist and state.',
      counts.states.map(({ count: value, ...labels }) => ({ labels, value })),
    ),
    ...gauge(
      'workers',
      'Workers seen lately.',
      workers.lately().map(({ qube, queue }) => ({ labels: { qube, queue }, value: 1 })),
    ),
    ...gauge('objects', 'Objects stored.', [{ labels: {}, value: count }]),
    ...gauge('objects_bytes', 'Bytes of objects stored.', [{ labels: {}, value: bytes }]),
    '',
  ].join('\n');
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function gauge(name: string, help: string, samples: readonly Sample[]): string[] {
  const whole = `package_rebuilder_${name}`;
  return [
    `# HELP ${whole} ${help}`,
    `# TYPE ${whole} gauge`,
    ...samples.map(({ labels, value }) => `${whole}${labelText(labels)} ${value}`),
  ];
}

function labelText(labels: Sample['labels']): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, '_')}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
