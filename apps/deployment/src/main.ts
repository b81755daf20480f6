import { main } from '@certferry/runtime/main';

await main(async () => [(await import('@certferry/deployment')).deployment], 'config/distributed.json');
