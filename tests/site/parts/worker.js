onmessage = async ({ data: { url, init } }) => {
  const response = await fetch(url, init);
  const { headers } = await response.json();
  postMessage({ status: response.status, url: response.url, origin: headers.origin, referer: headers.referer });
};
postMessage({ location: location.href, origin: self.origin, href: new URL("x", location.href).href, name: self.name });
