// A TLS relay with a certificate of its own: what stands between an asker and a service. It ends TLS, and forwards to
// the service over TLS whatever it gets. Arguments: the service's port, key and certificate (PEM), and a file for what
// the asker sent. Prints its port.
import { appendFileSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:tls';

const [port, key, certificate, seen] = process.argv.slice(2);
const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate), minVersion: 'TLSv1.3' }, (asker) => {
  const service = connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false });
  asker.on('data', (bytes) => {
    appendFileSync(seen, bytes);
    service.write(bytes);
  });
  service.on('data', (bytes) => asker.write(bytes));
  for (const [one, other] of [[asker, service], [service, asker]]) {
    one.on('close', () => other.destroy());
    one.on('error', () => other.destroy());
  }
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
