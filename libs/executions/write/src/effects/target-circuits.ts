import { NodeFailure, type OutboundRequest, type OutboundResponse } from '@sluice/nodes';
import { Circuits } from '@sluice/platform-outbound';
import { Gauge } from 'prom-client';
import { PutOff } from './put-off.js';

const openCircuits = new Gauge({
  name: 'sluice_circuit_open',
  help: 'Targets of tenants to which this worker holds calls back because they failed many times in a row',
});

function targetUnavailable(origin: string, isFirstCall: boolean, pauseMs: number): PutOff {
  const message = `${origin} failed many times in a row, so nothing is sent to it for a while. Check that it answers.`;
  // Spread, so that those who are held back together do not come back together.
  const afterMs = Math.max(pauseMs, 1_000) * (1 + Math.random());
  return new PutOff('target_unavailable', message, { afterMs, isFirstCall, ends: true });
}

/** What the target is to blame for. A refused address, a request or an answer that is too large, an untrusted certificate are not among it. */
const targetFailures = new Set(['outbound_unreachable', 'outbound_timeout', 'outbound_connection_lost']);

/** The circuit breakers of this worker: one per tenant and origin, so that one tenant's bad requests close nobody else's door. */
export class TargetCircuits {
  private readonly circuits = new Circuits();

  /** The `send` of one attempt of a node, whose calls are counted. `lost` is aborted when we ourselves give the attempt up. */
  sendFor(
    tenantId: string,
    lost: AbortSignal,
    attempt: { calls: number },
    send: (request: OutboundRequest) => Promise<OutboundResponse>,
  ): (request: OutboundRequest) => Promise<OutboundResponse> {
    return async (request) => {
      const origin = URL.parse(request.url)?.origin ?? '';
      const permit = this.circuits.ask(`${tenantId} ${origin}`, performance.now());
      if (typeof permit === 'number') throw targetUnavailable(origin, attempt.calls === 0, permit);
      attempt.calls += 1;
      let end: Parameters<typeof permit>[0] = 'nothing';
      try {
        const response = await send(request);
        end = response.status >= 500 ? 'failed' : 'answered';
        return response;
      } catch (error) {
        if (error instanceof NodeFailure && targetFailures.has(error.code) && !lost.aborted) end = 'failed';
        throw error;
      } finally {
        permit(end, performance.now());
        openCircuits.set(this.circuits.open);
      }
    };
  }
}
