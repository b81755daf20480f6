import { main } from '@certferry/runtime/main';

await main(async () => [(await import('@certferry/inventory')).inventory], 'config/distributed.json');
