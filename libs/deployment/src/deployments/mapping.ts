import { invalid } from '@certferry/core';
import { deploymentV1 } from '@certferry/contracts';
import type { Deployment } from './deployment.ts';

const { DeploymentAction } = deploymentV1;

export function fromDeployment(
  from: Pick<deploymentV1.CreateDeploymentRequest, 'certificateId' | 'action' | 'targets'>,
): Deployment {
  return {
    certificateId: from.certificateId,
    action: fromAction(from.action),
    targets: from.targets.map((target) => ({ ...target, thumbprint: target.thumbprint || undefined })),
  };
}

function fromAction(action: deploymentV1.DeploymentAction): Deployment['action'] {
  if (action === DeploymentAction.ADD) return 'add';
  if (action === DeploymentAction.REMOVE) return 'remove';
  throw invalid('INVALID_FIELD', 'action must be add or remove.', { field: 'action' });
}
