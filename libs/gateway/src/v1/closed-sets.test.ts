import { deploymentV1, inventoryV1, parserV1 } from '@certferry/contracts';
import { containerFormat, findingCode, importResult, jobStatus } from '@certferry/rest';
import { FINDING_CODES } from '@certferry/x509';
import { expect, test } from 'vitest';

const names = (of: object) =>
  Object.keys(of)
    .filter((name) => name !== 'UNSPECIFIED')
    .map((name) => name.toLowerCase())
    .toSorted();

test('what is a closed set in the public API has the members that the services have', () => {
  expect(jobStatus.options.toSorted()).toEqual(names(deploymentV1.JobStatus));
  expect(importResult.options.toSorted()).toEqual(names(inventoryV1.ImportResult));
  expect(containerFormat.options.toSorted()).toEqual(names(parserV1.ContainerFormat));
  expect(findingCode.options.toSorted()).toEqual(FINDING_CODES.toSorted());
});
