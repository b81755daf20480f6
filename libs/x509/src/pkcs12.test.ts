import { expect, test } from 'vitest';
import { fixture, fixtureDer } from './fixtures.ts';
import { editKeystore, listKeystoreEntries, type NewEntry } from './keystore.ts';
import { readPkcs12 } from './pkcs12.ts';
import { certificateBag, keyBag, writePkcs12 } from './pkcs12-writer.ts';
import { readPrivateKey } from './private-key.ts';
import { X509Error } from './x509-error.ts';

const leaf = fixtureDer('leaf.pem');
const key = readPrivateKey(fixtureDer('leaf.key'), 'pkcs8');
const chain = [leaf, fixtureDer('intermediate.pem'), fixtureDer('root.pem')];
const putKeystoreEntry = (content: Uint8Array, password: string, put: NewEntry) =>
  editKeystore(content, { password, edits: [{ put }] });
const removeKeystoreEntry = (content: Uint8Array, password: string, remove: string) =>
  editKeystore(content, { password, edits: [{ remove }] });
const entries = (content: Uint8Array, password = 'changeit') => listKeystoreEntries(readPkcs12(content, password));

test.each(['openssl-default.p12', 'openssl-legacy.p12', 'windows-3des.p12', 'openssl-nomac.p12'])(
  '%s: key, leaf and chain',
  (name) => {
    expect(entries(fixture(name))).toEqual([
      { alias: 'web1', key, certificates: chain.map((der) => Buffer.from(der)) },
    ]);
    expect(() => entries(fixture(name), 'wrong')).toThrow(/password does not open/);
  },
);

test('keytool.p12: two keys and a trusted certificate', () => {
  expect(
    entries(fixture('keytool.p12')).map((entry) => [entry.alias, Boolean(entry.key), entry.certificates.length]),
  ).toEqual(
    expect.arrayContaining([
      ['web1', true, 3],
      ['other', true, 1],
      ['acme-root', false, 1],
    ]),
  );
});

test('an empty and an absent password both open a file with an empty one; a missing one is asked for', () => {
  expect(readPkcs12(fixture('empty-password.p12'), '').contents.length).toBe(2);
  expect(readPkcs12(fixture('empty-password.p12'), undefined).contents.length).toBe(2);
  expect(() => readPkcs12(fixture('openssl-default.p12'), undefined)).toThrow(/encrypted: send its password/);
});

test('an edit keeps the bags of other entries byte for byte', () => {
  const before = readPkcs12(fixture('keytool.p12'), 'changeit').contents.flatMap((contents) => contents.bags);
  const foreign = before
    .filter((bag) => bag.alias === 'other' || bag.alias === 'acme-root')
    .map((bag) => Buffer.from(bag.raw).toString('hex'));
  expect(foreign.length).toBe(3);
  const put = putKeystoreEntry(fixture('keytool.p12'), 'changeit', {
    alias: 'WEB1',
    certificates: [fixtureDer('ec.pem')],
    privateKey: readPrivateKey(fixtureDer('ec.key'), 'pkcs8').pkcs8,
  });
  const removed = removeKeystoreEntry(put, 'changeit', 'web1');
  for (const edited of [put, removed]) {
    const raws = readPkcs12(edited, 'changeit')
      .contents.flatMap((contents) => contents.bags)
      .map((bag) => Buffer.from(bag.raw).toString('hex'));
    expect(raws).toEqual(expect.arrayContaining(foreign));
  }
  expect(
    entries(put)
      .map((entry) => entry.alias)
      .toSorted(),
  ).toEqual(['WEB1', 'acme-root', 'other']);
  expect(
    entries(removed)
      .map((entry) => entry.alias)
      .toSorted(),
  ).toEqual(['acme-root', 'other']);
});

test('links of a chain that two entries share stay until the last one goes', () => {
  const first = putKeystoreEntry(Buffer.alloc(0), 'p', { alias: 'a', certificates: chain, privateKey: key.pkcs8 });
  const ec = readPrivateKey(fixtureDer('ec.key'), 'pkcs8').pkcs8;
  const both = putKeystoreEntry(first, 'p', {
    alias: 'b',
    certificates: [fixtureDer('ec.pem'), ...chain.slice(1)],
    privateKey: ec,
  });
  const one = removeKeystoreEntry(both, 'p', 'a');
  expect(entries(both, 'p').map((entry) => entry.certificates.length)).toEqual([3, 3]);
  expect(entries(one, 'p').map((entry) => [entry.alias, entry.certificates.length])).toEqual([['b', 3]]);
  expect(readPkcs12(removeKeystoreEntry(one, 'p', 'b'), 'p').contents).toEqual([]);
});

test('every cut of a file is refused with our own error', () => {
  const file = fixture('openssl-default.p12');
  for (let length = 0; length < file.length; length += 7) {
    expect(() => readPkcs12(file.subarray(0, length), 'changeit')).toThrow(X509Error);
  }
});

test('a key that has a password of its own is told apart from a wrong password, and opened with it', () => {
  const bags = [certificateBag(leaf), keyBag(key, { password: 'inner', profile: 'modern' }, { alias: 'web1' })];
  const content = writePkcs12(
    { contents: [{ encrypted: false, bags }], iterations: 0, notices: [] },
    { password: 'outer', profile: 'modern' },
  );
  expect(() => readPkcs12(content, 'inner')).toThrow('The password does not open the PKCS#12 file.');
  expect(() => readPkcs12(content, 'outer')).toThrow(/opens the PKCS#12 file but not the private key in it/);
  expect(() => readPkcs12(content, 'outer', 'wrong')).toThrow('The password does not open the private key.');
  const opened = readPkcs12(content, 'outer', 'inner').contents.flatMap((contents) => contents.bags);
  expect(opened.find((bag) => bag.kind === 'key')?.key).toEqual(key);
});
