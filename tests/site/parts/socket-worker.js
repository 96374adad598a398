const socket = new WebSocket("{{cdn}}/socket".replace("http", "ws"));
socket.onopen = () => socket.send("handshake");
socket.onmessage = ({ data }) => postMessage({ url: socket.url, ...JSON.parse(data) });
