// The page's half of the mapping between sites and view hosts, on the fixtures that src/rewrite/url.rs passes too.

import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { createMap, decodeLabel, encodeLabel } from "../../injected/map";

const session = "abcdefghijklmnop";
const map = createMap({
  session,
  site: "https://www.shop.com",
  view: { scheme: "http", domain: "view.localhost:7070" },
  aliases: { "http://[::1]:8080": "0aabcdefghij" },
});
const host = (label: string, scheme = "http:") => `${scheme}//${session}-${label}.view.localhost:7070`;

interface Case {
  site: string;
  label?: string;
}
const cases: Case[] = JSON.parse(readFileSync(new URL("../fixtures/labels.json", import.meta.url), "utf8"));

test("labels are the same here and in Rust, and sites read back from them", () => {
  for (const { site, label } of cases) {
    expect(encodeLabel(site), site).toBe(label);
    if (label) expect(decodeLabel(label), label).toBe(site);
  }
});

test("labels that no site has stand for none", () => {
  for (const label of [
    "",
    "-a",
    "a-",
    "a---b",
    "a-0h80",
    "a-0s443",
    "a-0s",
    "a-0h08",
    "viewer",
    "0aabcdefghij",
  ])
    expect(decodeLabel(label), label).toBeUndefined();
});

test("absolute URLs move to the view and keep the rest byte for byte", () => {
  for (const [raw, mapped] of [
    ["https://www.shop.com/x?y=ü&z=%zz#f", `${host("www-shop-com")}/x?y=ü&z=%zz#f`],
    ["https://www.shop.com", host("www-shop-com")],
    ["//cdn.shop.com/i.png", `${host("cdn-shop-com", "")}/i.png`],
    ["\\\\cdn.shop.com\\i.png", `${host("cdn-shop-com", "")}\\i.png`],
    [" \n https://cdn.shop.com/", `${host("cdn-shop-com")}/`],
    ["ht\ntps://cdn.shop.com/", `${host("cdn-shop-com")}/`],
    ["HTTPS://CDN.Shop.com/A", `${host("cdn-shop-com")}/A`],
    ["https://bücher.example/", `${host("xn----bcher--kva-example")}/`],
    ["http://shop.com:80/", `${host("shop-com-0h")}/`],
    ["https://shop.com:8443?q", `${host("shop-com-0s8443")}?q`],
    ["https://ana:pw@shop.com/", `http://ana:pw@${session}-shop-com.view.localhost:7070/`],
    ["https:c", "c"],
    ["http:c/", `${host("c-0h")}/`],
    ["https:/c", "/c"],
    ["wss://live.shop.com/s", `${host("live-shop-com", "ws:")}/s`],
    ["http://0x7f.1:81/", `${host("127-0-0-1-0h81")}/`],
    ["https:////shop.com/", `${host("shop-com")}/`],
    ["http://[::1]:8080/a", `${host("0aabcdefghij")}/a`],
  ] as const)
    expect(map.toView(raw), raw).toBe(mapped);
});

test("what is not a site's address is left alone", () => {
  const there = `${host("shop-com")}/x`;
  for (const raw of [
    "",
    "#top",
    "/cart",
    "cart?a=https://shop.com",
    "mailto:a@b.c",
    "javascript:void 0",
    "blob:https://a.com/1",
    "https://",
    "https://a b/",
    "//",
    "httpsx://shop.com",
    there,
  ])
    expect(map.toView(raw), raw).toBe(raw);
});

test("view addresses read back as the site's, wherever they stand in a text", () => {
  for (const text of [
    "https://www.shop.com/x?y#z",
    "//cdn.shop.com/i.png",
    "http://127.0.0.1:3000/",
    "wss://live.shop.com/s",
    "ws://127.0.0.1:3000",
    "http://[::1]:8080/a",
    "https://ana:pw@shop.com/",
  ])
    expect(map.toSite(map.toView(text)), text).toBe(text);
  expect(map.toSite(`a{b:url(${host("cdn-com")}/x),url("${host("cdn-com")}")}`)).toBe(
    'a{b:url(https://cdn.com/x),url("https://cdn.com")}',
  );
  for (const other of [
    host("shop-com").replace("abc", "xyz"),
    host("shop-com.evil"),
    `${host("shop-com")}0`,
    host("viewer"),
  ])
    expect(map.toSite(other)).toBe(other);
});

test("what an address says of the page's own is the site's in its view", () => {
  const own = `http://${session}-www-shop-com.view.localhost:7070`;
  for (const [said, told] of [
    [`?origin=${encodeURIComponent(own)}&x=1`, "?origin=https%3A%2F%2Fwww.shop.com&x=1"],
    [`#at=${own}/cart`, "#at=https://www.shop.com/cart"],
    [
      `#n=${encodeURIComponent(encodeURIComponent(`${own.replace("http", "ws")}/`))}`,
      "#n=wss%253A%252F%252Fwww.shop.com%252F",
    ],
    [
      `?other=${encodeURIComponent(`${own}.evil.test/`)}`,
      `?other=${encodeURIComponent(`${own}.evil.test/`)}`,
    ],
  ])
    expect(map.toView(`https://pay.com/frame${said}`)).toBe(`${host("pay-com")}/frame${told}`);
});
