import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificate, temporaryFolder } from '@certferry/testing';
import { expect, test } from 'vitest';
import { openOutbound, outboundSettings } from './outbound-settings.ts';

test('nothing private is allowed and nobody else trusted by default', async () => {
  const outbound = openOutbound(outboundSettings.parse({}));
  await expect(outbound.resolve('127.0.0.1', new AbortController().signal)).rejects.toMatchObject({
    reason: 'ADDRESS_NOT_ALLOWED',
  });
  const { pem } = await makeCertificate({ commonName: 'Own CA', ca: true });
  const file = join(temporaryFolder('outbound'), 'ca.pem');
  writeFileSync(file, pem);
  const more = openOutbound(outboundSettings.parse({ outboundAllow: '127.0.0.0/8', outboundCa: file }));
  expect(more.ca).toEqual([...outbound.ca, pem]);
  expect((await more.resolve('127.0.0.1', new AbortController().signal)).addresses).toMatchObject([
    { address: '127.0.0.1' },
  ]);
});

test('a file of authorities that cannot be read is named', () => {
  expect(() => openOutbound({ outboundAllow: [], outboundCa: '/nowhere/ca.pem' })).toThrow(
    expect.objectContaining({
      reason: 'INVALID_CONFIG',
      message: 'CERTFERRY_OUTBOUND_CA: /nowhere/ca.pem cannot be read.',
    }),
  );
});
