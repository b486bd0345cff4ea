// Starts a server and waits to be killed, without the chance to stop what it started.
import { startRabbitmq } from '@waybill/testbed';
import { failpoint } from '@waybill/testbed/child';

const name = 'abandoned';
const broker = await startRabbitmq({ line: '4.3', name });
await failpoint('started', { pid: broker.pid, name });
await broker[Symbol.asyncDispose]();
