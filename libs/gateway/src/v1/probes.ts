import type { deploymentV1 } from '@certferry/contracts';
import { probeFindingCode, type Probe, type probeOperations } from '@certferry/rest';
import type { GatewayContext } from '../gateway-context.ts';
import { factsToJson } from './certificate-json.ts';
import { present } from './json-values.ts';
import type { Routes } from './route.ts';

export const probeRoutes = ({ services }: GatewayContext): Routes<typeof probeOperations> => ({
  probeEndpoint: {
    scope: 'write',
    readOnly: true,
    handler: async (request) => probeToJson(await services.probes.probeEndpoint(request.body)),
  },
});

const probeToJson = (from: deploymentV1.ProbeEndpointResponse): Probe => ({
  ...from,
  protocol: present(from.protocol),
  cipher: present(from.cipher),
  certificates: from.certificates.map(({ der, facts, certificateId, fingerprintSha256 }) => ({
    fingerprintSha256,
    certificateId: present(certificateId),
    facts: facts && factsToJson(facts),
    der: Buffer.from(der).toString('base64'),
  })),
  findings: from.findings.map(({ code, ...rest }) => ({ code: probeFindingCode.parse(code), ...rest })),
});
