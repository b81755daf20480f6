import { deployment } from '@certferry/deployment';
import { main } from '@certferry/runtime';

await main([deployment], 'config/distributed.json');
