import type { parserV1 } from '@certferry/contracts';
import { toArrivals } from '../arrivals.ts';
import { failedItem } from '../import.ts';
import type { JobRequest } from '../import-job.ts';
import { done, type Unit } from './import-source.ts';

export interface OpenedContainer {
  found: parserV1.InspectResponse;
  privateKeys: Uint8Array[];
}

/** The certificates of a container, with the keys that it has of them, and what could not be read. */
export function certificateUnits({ found, privateKeys }: OpenedContainer, request: JobRequest): Unit[] {
  const arrivals = toArrivals(found, privateKeys, request);
  return [
    ...arrivals.map(
      (arrival) =>
        ({
          index: arrival.index,
          run: async (saving) => done(await saving.certificate(arrival)),
        }) satisfies Unit,
    ),
    ...found.failures.map(
      (failure) =>
        ({
          index: failure.index,
          run: () => Promise.resolve(done(failedItem(failure.index, failure))),
        }) satisfies Unit,
    ),
  ].sort((a, b) => a.index - b.index);
}

/** The keys of a container that came without their certificate. */
export function keyUnits({ found, privateKeys }: OpenedContainer): Unit[] {
  const paired = new Set(found.certificates.map((entry) => entry.key));
  return found.keys.flatMap((entry, position) =>
    paired.has(position)
      ? []
      : [
          {
            index: entry.index,
            run: async (saving) => done(await saving.loneKey(entry, privateKeys[position]!)),
          } satisfies Unit,
        ],
  );
}

/** The container's format by its lower-case name. */
export const formatName = ({ format }: parserV1.InspectResponse): string =>
  format.replace('CONTAINER_FORMAT_', '').toLowerCase();
