const inner = new Worker("/parts/worker.js");
inner.onmessage = ({ data }) => postMessage({ inner: data });
