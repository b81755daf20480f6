import { collectDefaultMetrics, type Registry } from 'prom-client';

/** Gauges that have the name of counters; the same by type are there without "_total". */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** What prom-client tells of a process, as `promtool check metrics` wants it. */
export function collectProcessMetrics(register: Registry): void {
  collectDefaultMetrics({ register });
  for (const name of MISNAMED) register.removeSingleMetric(name);
}
