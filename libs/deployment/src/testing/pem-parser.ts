import { parserV1 } from '@certferry/contracts';
import { invalid } from '@certferry/core';
import { serve, type ServedService } from '@certferry/rpc';
import { readCertificate, readPem, readPrivateKey } from '@certferry/x509';
import { refuseAll } from './fake-inventory.ts';

/** Reads PEM, over the same lib as the real one, which another scope must not import; a password must be `password`. */
export const servePemParser = (password: string): ServedService =>
  serve(parserV1.ParserServiceDefinition, {
    ...refuseAll(parserV1.ParserServiceDefinition),
    inspect: (request: parserV1.InspectRequest) =>
      new Promise<parserV1.InspectResponse>((resolve) => {
        if (request.password && request.password !== password)
          throw invalid('WRONG_PASSWORD', 'The password does not open the container.');
        resolve(inspectPem(request.content));
      }),
    listKeystore: (request: parserV1.ListKeystoreRequest) =>
      new Promise<parserV1.ListKeystoreResponse>((resolve) => {
        const opens = request.passwords.indexOf(password);
        if (opens < 0) throw invalid('WRONG_PASSWORD', 'The password does not open the container.');
        resolve(listPem(request.content, opens));
      }),
  });

function inspectPem(content: Uint8Array): parserV1.InspectResponse {
  const blocks = readPem(content);
  const keys = blocks.flatMap(({ label, bytes }, index) =>
    label === 'PRIVATE KEY' ? [{ ...readPrivateKey(bytes!, 'pkcs8'), index }] : [],
  );
  const certificates = blocks.flatMap(({ label, bytes }, index) => {
    if (label !== 'CERTIFICATE') return [];
    const facts = readCertificate(bytes!);
    const key = keys.findIndex(({ publicKeySha256 }) => publicKeySha256 === facts.publicKeySha256);
    return [{ index, der: bytes!, facts, ...(key >= 0 && { key }) }];
  });
  return parserV1.InspectResponse.fromPartial({ format: parserV1.ContainerFormat.PEM, certificates, keys });
}

/** Each certificate as a trusted one of its own. */
function listPem(content: Uint8Array, password: number): parserV1.ListKeystoreResponse {
  const entries = inspectPem(content).certificates.map((one, index) => ({ alias: `${index}`, certificates: [one] }));
  return parserV1.ListKeystoreResponse.fromPartial({ format: parserV1.ContainerFormat.PKCS12, password, entries });
}
