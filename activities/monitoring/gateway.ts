import { TrafficFigures } from '../../temporal/contracts/figures.js';
import { MirrorFigures } from '../../temporal/contracts/predictions.js';
import { GatewayAdmin, type GatewayAdminOptions } from '../routing/gateway-admin.js';
import type { Monitoring } from './port.js';

/**
 * Figures as the gateway counts them. Fails with GatewayRefused, also for a tag whose route was never written, or
 * GatewayUnavailable when there is no answer.
 */
export function createGatewayMonitoring(options: GatewayAdminOptions): Monitoring {
  const admin = new GatewayAdmin(options);
  return {
    figures: (tag: string) =>
      admin.call({
        method: 'GET',
        path: `/admin/figures/${encodeURIComponent(tag)}`,
        answer: TrafficFigures,
      }),
    mirror: (tag: string) =>
      admin.call({
        method: 'GET',
        path: `/admin/mirrors/${encodeURIComponent(tag)}`,
        answer: MirrorFigures,
      }),
  };
}
