import { deployment } from '@certferry/deployment';
import { gateway } from '@certferry/gateway';
import { inventory } from '@certferry/inventory';
import { parser } from '@certferry/parser';
import { main } from '@certferry/runtime';

await main([parser, inventory, deployment, gateway], 'config/embedded.json');
