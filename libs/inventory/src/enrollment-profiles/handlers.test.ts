import { inventoryV1 } from '@certferry/contracts';
import { WAYS } from '@certferry/rpc/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startInventory, type TestInventory } from '../testing/start-inventory.ts';

describe.each(WAYS)('enrollment profiles %s', (way) => {
  let inventory: TestInventory;
  beforeEach(async () => void (inventory = await startInventory(way)));
  afterEach(() => inventory.stop());

  const profiles = () => inventory.client(inventoryV1.EnrollmentProfileServiceDefinition);
  const create = async (profile: Parameters<ReturnType<typeof profiles>['createEnrollmentProfile']>[0]['profile']) =>
    (await profiles().createEnrollmentProfile({ profile })).profile!;

  test('are created, found, listed by name and deleted', async () => {
    const fieldMappings = [
      { deviceField: 'Device', source: 'subject.common_name', mandatory: true },
      { deviceField: 'Unused', source: '', mandatory: false },
    ];
    const made = await create({ name: 'Factory', format: 'pem', fieldMappings, targetStoreIds: ['s1', 's2'] });
    expect(made).toEqual({
      id: expect.stringMatching(/^IOT_[0-9a-f-]{36}$/) as string,
      name: 'Factory',
      format: 'pem',
      fieldMappings,
      targetStoreIds: ['s1', 's2'],
      createdAt: new Date('2026-11-01T12:00:00Z'),
    });
    expect((await profiles().getEnrollmentProfile({ id: made.id })).profile).toEqual(made);
    for (const name of ['Another', 'Zoo']) await create({ name, format: 'xml' });
    const first = await profiles().listEnrollmentProfiles({ limit: 2 });
    const rest = await profiles().listEnrollmentProfiles({ limit: 2, cursor: first.nextCursor });
    expect([first, rest].map(({ items }) => items.map(({ name }) => name))).toEqual([['Another', 'Factory'], ['Zoo']]);
    await profiles().deleteEnrollmentProfile({ id: made.id });
    for (const again of [() => profiles().deleteEnrollmentProfile(made), () => profiles().getEnrollmentProfile(made)])
      await expect(again()).rejects.toMatchObject({ code: 'NOT_FOUND', reason: 'ENROLLMENT_PROFILE_NOT_FOUND' });
  });

  test('have a name of their own, and say what is wrong with them', async () => {
    await create({ name: 'Factory', format: 'pem' });
    await expect(create({ name: 'Factory', format: 'xml' })).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      reason: 'PROFILE_NAME_TAKEN',
    });
    for (const draft of [undefined, { name: ' ', format: 'pem' }, { name: 'p', format: 'zip' }])
      await expect(create(draft)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD' });
  });
});
