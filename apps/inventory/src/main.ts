import { inventory } from '@certferry/inventory';
import { main } from '@certferry/runtime';

await main([inventory], 'config/distributed.json');
