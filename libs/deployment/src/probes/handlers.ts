import type { deploymentV1 } from '@certferry/contracts';
import { nameOf } from '@certferry/outbound';
import { probeServed, type Probe, type ProbeContext } from './probe-served.ts';

export function createProbeHandlers(context: ProbeContext): deploymentV1.ProbeServiceImplementation {
  return {
    async probeEndpoint(request) {
      return toProbe(await probeServed(context, request));
    },
  };
}

function toProbe({ endpoint, certificates, protocol = '', cipher = '', ...rest }: Probe): Probed {
  return {
    ...rest,
    ...{ protocol, cipher },
    address: `${endpoint.startTls ?? 'tls'}://${nameOf(endpoint)}`,
    certificates: certificates.map(({ certificateId = '', ...one }) => ({ ...one, certificateId })),
  };
}

type Probed = Awaited<ReturnType<deploymentV1.ProbeServiceImplementation['probeEndpoint']>>;
