import type { TrafficFigures } from '../../temporal/contracts/figures.js';
import type { Monitoring } from './port.js';

export function createMonitoringActivities({ monitoring }: { monitoring: Monitoring }) {
  return {
    readFigures: (tag: string): Promise<TrafficFigures> => monitoring.figures(tag),
  };
}
export type MonitoringActivities = ReturnType<typeof createMonitoringActivities>;
