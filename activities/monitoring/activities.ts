import type { TrafficFigures } from '../../temporal/contracts/figures.js';
import type { MirrorFigures } from '../../temporal/contracts/predictions.js';
import type { Monitoring } from './port.js';

export function createMonitoringActivities({ monitoring }: { monitoring: Monitoring }) {
  return {
    readFigures: (tag: string): Promise<TrafficFigures> => monitoring.figures(tag),
    readMirror: (tag: string): Promise<MirrorFigures> => monitoring.mirror(tag),
  };
}
export type MonitoringActivities = ReturnType<typeof createMonitoringActivities>;
