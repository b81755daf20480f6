import { eachItem, type Client } from '@certferry/rest';
import { CliError, EXIT } from '../cli-error.ts';
import { collect } from '../collect.ts';

/** A store's id from its id or its name. */
export async function findStore(api: Client, which: string): Promise<string> {
  if (/^[0-9a-f-]{36}$/.test(which)) return which;
  const found = (await collect(eachItem(api.listStores, {}, 10_000))).find((store) => store.name === which);
  if (!found)
    throw new CliError(`There is no store "${which}"; "certferry stores ls" shows what there is.`, EXIT.notFound);
  return found.id;
}
