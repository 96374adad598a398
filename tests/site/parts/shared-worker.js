let count = 0;
onconnect = ({ ports: [port] }) => port.postMessage({ count: ++count, location: location.href });
